"""Image readers and writers, and the built-in converter (`python -m converters`).

Usable alone: imports nothing of this project but `contracts`.
"""
