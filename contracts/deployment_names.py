"""What people order, as Prefect names it: flow and deployment, the same words on both sides (prefect.yaml)."""

IMPORT_ORDER = "import-order/import-order"
ANALYSIS_RUN = "analysis-run/analysis-run"
BATCH_IMPORT = "batch-import/batch-import"
NIGHTLY_IMPORT = "batch-import/nightly-import"
BATCH_ANALYSIS = "batch-analysis/batch-analysis"
NIGHTLY_ANALYSIS = "batch-analysis/nightly-analysis"
#: What people and their schedules order; the others serve these.
ORDERED_DEPLOYMENTS = (IMPORT_ORDER, ANALYSIS_RUN, BATCH_IMPORT, BATCH_ANALYSIS)
BIOMERO_BRIDGE = "bridge-biomero/bridge-biomero"
#: Takes over the history of a BIOMERO site; the runs that it keeps are of a flow of their own.
BIOMERO_HISTORY = "biomero-history/biomero-history"
BIOMERO_RUN = "biomero-run"


def flow_of(deployment: str) -> str:
    """The name of a deployment's flow."""
    return deployment.partition("/")[0]
