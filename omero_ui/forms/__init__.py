"""Forms: designing them, assigning them to groups, filling them in, and what was filled in before."""
