"""OMERO.web with the panel: its properties, and the application that gunicorn runs."""
