"""The requests that run behind the answer (omero.cmd): deleting, moving, asking what hangs on what."""
