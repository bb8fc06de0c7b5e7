"""A whole site on one machine, for the demo and the tests: OMERO, OMERO.web, Prefect, PostgreSQL, Docker."""

from sandbox.site.site import Site, SiteFailed

__all__ = ["Site", "SiteFailed"]
