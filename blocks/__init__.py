"""Prefect blocks: the outside systems and how to reach them."""
