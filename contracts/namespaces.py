"""Namespaces of OMERO annotations that this project writes or reads."""

#: BIOMERO.importer's key-values on Images and Plates; existing sites search by it.
IMPORT = "biomero.import"
#: Our own: one annotation per fileset and order, made inside the import request. It exists if and
#: only if the images do, and holds Order (token) and Path.
TOKEN = "omero-flows/order"
#: Our key-values beyond BIOMERO's (converter digest, source checksum, converter key-values).
PROVENANCE = "omero-flows/import"
