"""Forms for what no file says: which sample, which antibody, which question.

A form is a JSON Schema with versions. Who fills it in for an object makes a record; records are appended and never
changed. Both are kept as OMERO.forms 2.3 keeps them (`storage`), so that its forms and records are seen here, and ours
there. Everything here is pure; `omero_ui/forms` and `tasks/form_records.py` speak to OMERO.
"""
