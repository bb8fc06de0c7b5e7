"""One module a format, each with `recognises`, `open_file` and `companions`."""
