"""Faults of whole analysis runs: each has to end in one job's results, brought into OMERO once."""
