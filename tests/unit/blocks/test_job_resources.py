"""Who decides what a job gets, and the admin's limits."""

from __future__ import annotations

import pytest

from blocks.job_resources import resource_options
from contracts.analysis_run import Resources
from contracts.cluster_limits import settle_resources
from contracts.failures import FailureCategory, FailureError
from contracts.job_request import JobResources
from tests.unit.blocks.cluster_block import cluster

NOTHING = Resources()


def test_the_user_wins_over_the_workflow_and_the_workflow_over_the_cluster() -> None:
    site = cluster(default_minutes=45, default_cpus=4, default_memory_mb=5120, default_partition="main")
    workflow = Resources(minutes=90, cpus=8, partition="wide")
    assert settle_resources(site.limits, NOTHING, NOTHING) == JobResources(
        minutes=45, cpus=4, memory_mb=5120, partition="main"
    )
    assert settle_resources(site.limits, NOTHING, workflow) == JobResources(
        minutes=90, cpus=8, memory_mb=5120, partition="wide"
    )
    assert settle_resources(site.limits, Resources(minutes=5, memory_mb=100), workflow) == JobResources(
        minutes=5, cpus=8, memory_mb=100, partition="wide"
    )


@pytest.mark.parametrize(
    ("wanted", "workflow", "partition"),
    [
        (NOTHING, NOTHING, "main"),
        (NOTHING, Resources(gpus=1), "gpu"),
        (Resources(gpus=0), Resources(gpus=1), "main"),
        (Resources(gpus=1), Resources(partition="wide"), "wide"),
        (Resources(partition="mine"), Resources(gpus=1), "mine"),
    ],
)
def test_a_job_with_a_gpu_goes_to_the_gpu_partition_unless_one_is_named(
    wanted: Resources, workflow: Resources, partition: str
) -> None:
    site = cluster(default_partition="main", gpu_partition="gpu")
    assert settle_resources(site.limits, wanted, workflow).partition == partition


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Resources(minutes=61), "61 minutes"),
        (Resources(cpus=9), "9 processors"),
        (Resources(memory_mb=1001), "1001 MiB"),
        (Resources(gpus=2), "2 GPUs"),
        (Resources(partition="secret"), "'secret'"),
    ],
)
def test_what_is_over_the_admins_limit_is_refused_by_name(wanted: Resources, said: str) -> None:
    limits = {"most_minutes": 60, "most_cpus": 8, "most_memory_mb": 1000, "most_gpus": 1}
    site = cluster(**limits, partitions=["main", "low"], default_memory_mb=1000)
    with pytest.raises(FailureError, match=said) as caught:
        settle_resources(site.limits, wanted, NOTHING)
    assert caught.value.failure.category is FailureCategory.BAD_REQUEST


@pytest.mark.parametrize(
    ("style", "gpu_type", "gpus", "option"),
    [
        ("gres", None, 1, {"gres": "gpu:1"}),
        ("gres", "a100", 2, {"gres": "gpu:a100:2"}),
        ("gpus", None, 1, {"gpus": "1"}),
        ("gpus", "a100", 2, {"gpus": "a100:2"}),
        ("gres", "a100", 0, {}),
    ],
)
def test_a_gpu_is_asked_for_in_the_clusters_own_way(
    style: str, gpu_type: str | None, gpus: int, option: dict[str, str]
) -> None:
    options = resource_options(
        cluster(gpu_style=style, gpu_type=gpu_type), JobResources(minutes=1, cpus=1, gpus=gpus), {}
    )
    assert {name: value for name, value in options.items() if name in {"gres", "gpus"}} == option


def test_the_workflows_options_win_over_the_clusters_and_what_is_asked_for_over_both() -> None:
    site = cluster(sbatch_options={"account": "lab", "qos": "normal", "mem-per-cpu": "2G", "gres": "tmp:1G,gpu:1"})
    resources = JobResources(minutes=5, cpus=2, memory_mb=100, gpus=1, mail_to="me@example.org")
    assert resource_options(site, resources, {"qos": "long", "gpus-per-task": "1", "mail-type": "ALL"}) == {
        "time": "5",
        "cpus-per-task": "2",
        "mem": "100M",
        "mail-user": "me@example.org",
        "mail-type": "ALL",
        "gres": "gpu:1,tmp:1G",
        "account": "lab",
        "qos": "long",
    }


def test_memory_in_other_words_stands_in_for_the_default() -> None:
    site = cluster(sbatch_options={"mem-per-cpu": "2G"}, default_memory_mb=5120)
    resources = settle_resources(site.limits, NOTHING, NOTHING)
    assert resources.memory_mb is None
    assert resource_options(site, resources, {}) == {"time": "45", "cpus-per-task": "4", "mem-per-cpu": "2G"}
    assert settle_resources(cluster().limits, NOTHING, NOTHING, {"mem-per-gpu": "8G"}).memory_mb is None
