"""A deploy leaves what somebody changed, and changes what nobody did."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from blocks.image_storage import ImageStorage
from blocks.omero_server import OmeroServer
from blocks.slurm_cluster import SlurmCluster
from blocks.workflow_catalogue import WorkflowCatalogue
from contracts.failures import FailureCategory, FailureError
from contracts.workflow_entry import WorkflowEntry
from deployments.kept_changes import digests_of, keep_changes
from tests.unit.blocks.cluster_block import cluster as make_cluster


def storage(**groups: str) -> ImageStorage:
    return ImageStorage(root="/images", groups=groups)


def test_what_nobody_changed_becomes_what_the_settings_say() -> None:
    written = digests_of(storage(a="a", b="b"))
    block, kept = keep_changes(storage(a="new", c="c"), storage(a="a", b="b"), written)
    assert (block.groups, kept) == ({"a": "new", "c": "c"}, ())


def test_what_somebody_changed_added_or_removed_stays_key_by_key() -> None:
    written = digests_of(storage(a="a", b="b", c="c"))
    there = storage(a="theirs", c="c", d="theirs")
    block, kept = keep_changes(storage(a="a", b="b", c="ours", e="ours"), there, written)
    assert block.groups == {"a": "theirs", "c": "ours", "d": "theirs", "e": "ours"}
    assert kept == ("groups.a", "groups.b", "groups.d")


def test_who_changed_both_to_the_same_has_changed_nothing() -> None:
    block, kept = keep_changes(storage(a="same"), storage(a="same"), digests_of(storage(a="old")))
    assert (block.groups, kept) == ({"a": "same"}, ())


def test_a_workflow_that_was_added_in_the_panel_stays_beside_those_of_the_settings() -> None:
    ours, theirs = WorkflowEntry(path="/ours.json"), WorkflowEntry(path="/theirs.json", cpus=2)
    first = WorkflowCatalogue(workflows={"nuclei": ours})
    there = WorkflowCatalogue(workflows={"nuclei": ours, "cellpose": theirs})
    faster = WorkflowEntry(path="/ours.json", cpus=8)
    block, kept = keep_changes(WorkflowCatalogue(workflows={"nuclei": faster}), there, digests_of(first))
    assert block.workflows == {"nuclei": faster, "cellpose": theirs}
    assert kept == ("workflows.cellpose",)


def test_a_secret_is_always_the_settings_and_leaves_no_digest() -> None:
    def server(password: str, sessions: int) -> OmeroServer:
        return OmeroServer(host="omero", sudo_user="i", password=SecretStr(password), session_minutes=sessions)

    written = digests_of(server("first", 60))
    assert "password" not in written
    block, kept = keep_changes(server("second", 60), server("theirs", 90), written)
    assert block.password.get_secret_value() == "second"
    assert (block.session_minutes, kept) == (90, ("session_minutes",))


def test_a_change_that_does_not_fit_the_settings_is_no_block() -> None:
    first = make_cluster(poll_seconds_least=10.0, poll_seconds_most=300.0)
    there = make_cluster(poll_seconds_least=200.0, poll_seconds_most=300.0)
    wanted: SlurmCluster = make_cluster(poll_seconds_least=10.0, poll_seconds_most=60.0)
    with pytest.raises(FailureError) as caught:
        keep_changes(wanted, there, digests_of(first))
    assert caught.value.failure.category is FailureCategory.NOT_CONFIGURED
    assert "poll_seconds_least" in caught.value.failure.next_step
