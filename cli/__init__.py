"""The `omero-flows` command, one file a command."""
