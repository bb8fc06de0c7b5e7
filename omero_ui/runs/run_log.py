"""A run's log, as its tasks wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from uuid import UUID

from omero_ui.prefect_api.answers import LogLine
from omero_ui.prefect_api.connection import PAGE, PrefectApi

#: Lines of the tail.
TAIL = 120
#: Lines of a downloaded log; a converter may talk a lot.
MOST_LINES = 100_000

#: What Prefect adds after every step, and the steps above the log say better. The whole log has it.
_ENGINES_OWN = "Finished in state "

#: Python's levels, as Prefect keeps them.
_LEVELS = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "critical"}


def level_of(line: LogLine) -> str:
    return _LEVELS.get(line.level, str(line.level))


def read_tail(prefect: PrefectApi, flow_run: UUID) -> list[tuple[LogLine, str]]:
    """The last lines with their levels' names, oldest first, without the engine's own."""
    body = {"logs": {"flow_run_id": {"any_": [str(flow_run)]}}, "sort": "TIMESTAMP_DESC", "limit": TAIL}
    lines = [LogLine.model_validate(item) for item in prefect.post("/logs/filter", body)]
    return [(line, level_of(line)) for line in reversed(lines) if not line.message.startswith(_ENGINES_OWN)]


def read_whole(prefect: PrefectApi, flow_run: UUID) -> Iterator[str]:
    """The whole log as lines of text; one that is cut at `MOST_LINES` says so."""
    read = 0
    while read < MOST_LINES:
        body = {
            "logs": {"flow_run_id": {"any_": [str(flow_run)]}},
            "sort": "TIMESTAMP_ASC",
            "limit": PAGE,
            "offset": read,
        }
        page = [LogLine.model_validate(item) for item in prefect.post("/logs/filter", body)]
        for line in page:
            yield f"{line.timestamp.astimezone(UTC):%Y-%m-%d %H:%M:%S} {level_of(line).upper():8} {line.message}\n"
        read += len(page)
        if len(page) < PAGE:
            return
    yield f"... cut after {MOST_LINES} lines\n"
