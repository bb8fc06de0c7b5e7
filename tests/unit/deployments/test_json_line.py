"""A log line is one JSON object with the run's token, whatever somebody had logged."""

from __future__ import annotations

import json
import logging
import sys
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.json_line import MOST_REMEMBERED, VARIABLE, JsonLine, find_token, remember


def record(message: str, *values: object, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("prefect.flow_runs", logging.WARNING, __file__, 1, message, values, None)
    made.created = 1_800_000_000.25
    vars(made).update(extra)
    return made


def test_a_line_is_as_it_is_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    run, token = uuid.uuid4(), str(uuid.uuid4())
    line = JsonLine().format(record("%s files\nfailed", 3, flow_run_id=str(run), flow_run_name="Import a.lif"))
    assert line == (
        '{"time": "2027-01-15T08:00:00.250+00:00", "level": "WARNING", "logger": "prefect.flow_runs",'
        f' "message": "3 files\\nfailed", "flow_run_id": "{run}", "flow_run": "Import a.lif"}}'
    )
    assert remember(run, ["omero-flows", token, "user:alice"]) == token
    assert json.loads(JsonLine().format(record("x", flow_run_id=str(run))))["token"] == token
    monkeypatch.setenv(VARIABLE, "of this process")
    assert json.loads(JsonLine().format(record("x")))["token"] == "of this process"


def test_an_exception_stays_on_the_line() -> None:
    try:
        raise ValueError("broken\nfile")
    except ValueError:
        failed = record("it failed")
        failed.exc_info = sys.exc_info()
    line = JsonLine().format(failed)
    assert "\n" not in line
    assert "ValueError: broken\nfile" in json.loads(line)["exception"]


def test_housekeeping_has_no_token_and_a_worker_forgets_old_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert find_token(["omero-flows-housekeeping"]) is None
    first = uuid.uuid4()
    for run in (first, *(uuid.uuid4() for _ in range(MOST_REMEMBERED))):
        remember(run, [str(uuid.uuid4())])
    assert "token" not in json.loads(JsonLine().format(record("x", flow_run_id=str(first))))


@given(st.text(), st.text())
def test_whatever_is_logged_a_line_is_one_object(message: str, name: str) -> None:
    line = JsonLine().format(record("%s", message, flow_run_name=name))
    assert len(line.splitlines()) == 1
    assert json.loads(line)["message"] == message
