"""Nuclei segmentation: smooth, Otsu, distance transform, watershed. It runs in a container, alone."""
