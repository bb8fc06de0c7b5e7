"""An embedded OMERO for trying and testing: one Python process that speaks OMERO's own Ice protocol.

Unmodified omero-py, the `omero` command line and OMERO.web use it as they use OMERO.server. It is not
OMERO.server: it has no Bio-Formats and no PostgreSQL, and what it does not know it refuses by name.
"""
