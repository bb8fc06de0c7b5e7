"""Runs: which there are, how they stand, what became of them."""
