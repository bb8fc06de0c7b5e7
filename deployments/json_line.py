"""A log line as one JSON object, with the token of the order or run that it is about.

`omero-flows worker --json-logs` has Prefect's logging write such lines (json_logs.yaml), in the worker and in the
processes of its runs. The token is known from the run's tags: the worker remembers it for what it says of a run itself,
and gives it to the run's process in the environment, so that its first line has it. Housekeeping has none.
"""

from __future__ import annotations

import json
import logging
import os
from collections import OrderedDict
from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

#: Where a run's process finds its token.
VARIABLE = "OMERO_FLOWS_TOKEN"
#: Runs that a worker remembers.
MOST_REMEMBERED = 1000

_tokens: OrderedDict[str, str] = OrderedDict()


def find_token(tags: Iterable[str]) -> str | None:
    """The tag that is a UUID."""
    for tag in tags:
        try:
            return str(UUID(tag))
        except ValueError:
            continue
    return None


def remember(flow_run: object, tags: Iterable[str]) -> str | None:
    """Lines about a flow run (its id) have its token from now on, which is returned."""
    token = find_token(tags)
    if token is not None:
        _tokens[str(flow_run)] = token
        _tokens.move_to_end(str(flow_run))
        while len(_tokens) > MOST_REMEMBERED:
            _tokens.popitem(last=False)
    return token


class JsonLine(logging.Formatter):
    """`time` (UTC), `level`, `logger`, `message`; where it is known `token`, `flow_run_id`, `flow_run`, `task_run`,
    `exception`. A line stays one line, whatever is in it.
    """

    def format(self, record: logging.LogRecord) -> str:
        flow_run = getattr(record, "flow_run_id", None)
        token = _tokens.get(str(flow_run)) if flow_run is not None else None
        said = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "token": token or os.environ.get(VARIABLE),
            "flow_run_id": flow_run,
            "flow_run": getattr(record, "flow_run_name", None),
            "task_run": getattr(record, "task_run_name", None),
            "exception": self.formatException(record.exc_info) if record.exc_info else None,
        }
        return json.dumps({name: value for name, value in said.items() if value is not None}, default=str)
