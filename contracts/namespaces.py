"""Namespaces of OMERO annotations that this project writes or reads."""

#: BIOMERO.importer's key-values on Images and Plates; existing sites search by it.
IMPORT = "biomero.import"
#: Our own: one annotation per fileset and order, made inside the import request. It exists if and
#: only if the images do, and holds Order (token) and Path.
TOKEN = "omero-flows/order"
#: Our key-values beyond BIOMERO's (converter digest, source checksum, converter key-values).
PROVENANCE = "omero-flows/import"
#: BIOMERO's key-values on results of an analysis: the workflow, its task `<this>/task/<workflow>`, and the job
#: `<this>/task/<workflow>/job`; `biomero/workflow/batch` is for batched runs.
WORKFLOW = "biomero/workflow"
#: BIOMERO's namespace of files that results were attached as (NSCREATED of OMERO, and its script's name).
RESULT_FILE = "openmicroscopy.org/omero/scripts/results/created/SLURM/SLURM_GET_RESULTS"
#: Our own, on every result: run, input, container, parameters. It holds Result, the token of one result of one run,
#: and is written in one transaction with what it describes: it is the evidence that the result is there.
RESULT = "omero-flows/result"
#: Our own, on every input: which run used this image. One annotation a run.
ANALYSIS = "omero-flows/analysis"
