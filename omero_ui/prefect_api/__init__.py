"""Prefect's REST API as the panel uses it. The package `prefect` itself stays out of OMERO.web's process."""
