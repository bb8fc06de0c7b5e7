"""The services of the embedded OMERO, one module a service, named as OMERO names it without the leading `I`."""
