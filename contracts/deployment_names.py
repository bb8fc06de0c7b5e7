"""What people order, as Prefect names it: flow and deployment, the same words on both sides (prefect.yaml)."""

IMPORT_ORDER = "import-order/import-order"
ANALYSIS_RUN = "analysis-run/analysis-run"
BATCH_IMPORT = "batch-import/batch-import"
NIGHTLY_IMPORT = "batch-import/nightly-import"
