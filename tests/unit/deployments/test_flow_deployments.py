"""prefect.yaml says of every deployment all that an admin reads in the Prefect UI, and its run form explains itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.utilities.callables import parameter_schema

from contracts.failures import FailureError
from deployments.flow_deployment import PREFECT_FILE, FlowDeployment, read_deployments

ENTRIES = read_deployments()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_parameter_is_explained_in_the_run_form(entry: FlowDeployment) -> None:
    schema = parameter_schema(entry.load_flow()).model_dump(mode="json")
    described = dict(schema["properties"])
    for name in ("ImportOrder", "AnalysisRun", "AnalysisRule", "Destination"):
        described |= {
            f"{name}.{key}": field for key, field in schema["definitions"].get(name, {}).get("properties", {}).items()
        }
    unexplained = [name for name, field in described.items() if not field.get("description")]
    assert not unexplained


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_the_parameters_are_those_of_the_flow(entry: FlowDeployment) -> None:
    assert set(entry.parameters) <= set(parameter_schema(entry.load_flow()).properties)


def test_the_work_pools() -> None:
    pools = {entry.name: entry.work_pool.name for entry in ENTRIES}
    assert set(pools.values()) == {"imports", "analyses", "housekeeping"}
    assert pools["import-order"] == "imports"
    assert pools["analysis-run"] == "analyses"
    # It must never wait behind the runs that wait for it.
    assert pools["watch-cluster"] == "housekeeping"


def test_every_schedule_that_can_overlap_itself_is_limited() -> None:
    for entry in ENTRIES:
        assert not entry.schedules or entry.concurrency_limit == 1, entry.name


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"description": ""}, "description"),
        ({"concurrency_limit": 1}, "belong together"),
        ({"schedules": [{"cron": "0 3 * * *", "interval": 60}]}, "either cron or interval"),
        ({"schedules": [{"cron": "0 3 * * *", "timezoon": "UTC"}]}, "timezoon"),
        ({"collision_strategy": "WAIT", "concurrency_limit": 1}, "collision_strategy"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    content = yaml.safe_load(PREFECT_FILE.read_text("utf-8"))
    content["deployments"][0] |= change
    file = tmp_path / "prefect.yaml"
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(FailureError) as failed:
        read_deployments(file)
    assert "'import-order'" in failed.value.failure.summary
    assert said in failed.value.failure.detail
