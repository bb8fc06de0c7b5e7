"""Admin: for OMERO's administrators alone."""
