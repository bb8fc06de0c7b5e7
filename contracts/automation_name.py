"""The automations of a site by name: deployments/automations.py makes them, an examination looks for them."""

from __future__ import annotations

from enum import StrEnum


class AutomationName(StrEnum):
    """Every site has each of them."""

    NO_HEARTBEAT = "omero-flows: no heartbeat means crashed"
    NEVER_STARTED = "omero-flows: never started means started again"
    SILENT = "omero-flows: silent means started again"
    CRASHED = "omero-flows: crashed means started again"
    NEVER_BEGUN = "omero-flows: crashed before every beginning means failed"
