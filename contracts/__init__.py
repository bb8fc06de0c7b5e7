"""What passes between rooms: pydantic models without I/O. Imports nothing else of this project."""
