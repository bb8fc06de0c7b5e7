"""The tags of a flow run: what runs are found by. Whoever places a run puts them on; nobody else does."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from uuid import UUID

from contracts.analysis_run import AnalysisRun
from contracts.import_order import ImportOrder
from contracts.waiting_job import CLUSTER_TAG

#: On every run that somebody ordered; housekeeping does not have it.
ORDERED = "omero-flows"
#: On runs that serve the site; nobody's, and in nobody's list of runs. A batch of many users is one.
HOUSEKEEPING = "omero-flows-housekeeping"
#: Besides, on every run that BIOMERO did and whose history was taken over.
MIGRATED = "migrated"

_USER = "user:"
_GROUP = "group:"
_KIND = "kind:"
_WORKFLOW = "workflow:"
_RULE = "rule:"
_BATCH = "batch:"


class RunKind(StrEnum):
    """What people order; and the batches of many users, which schedules start and administrators look after."""

    IMPORT = "import"
    ANALYSIS = "analysis"
    BATCH = "batch"


def user_tag(user: str) -> str:
    """Of the OMERO user who ordered, by login name. The prefix tells a user from a group of the same name."""
    return _USER + user


def find_user(tags: Iterable[str]) -> str | None:
    """The login name of who ordered the run with these tags; None for housekeeping."""
    return next((tag.removeprefix(_USER) for tag in tags if tag.startswith(_USER)), None)


def group_tag(group: str) -> str:
    return _GROUP + group


def kind_tag(kind: RunKind) -> str:
    return _KIND + kind.value


def workflow_tag(workflow: str) -> str:
    return _WORKFLOW + workflow


def rule_tag(rule: UUID) -> str:
    """On every analysis that a batch placed by that rule, and on every batch that has looked after it to its end."""
    return _RULE + str(rule)


def batch_tag(batch: UUID) -> str:
    """On every analysis that the batch of that flow run placed."""
    return _BATCH + str(batch)


def order_tags(order: ImportOrder) -> list[str]:
    return [ORDERED, str(order.uuid), kind_tag(RunKind.IMPORT), user_tag(order.user), group_tag(order.group)]


def analysis_tags(run: AnalysisRun, cluster: str) -> list[str]:
    """`cluster`: the cluster's block, whose watcher finds the run by it."""
    return [
        ORDERED,
        str(run.uuid),
        kind_tag(RunKind.ANALYSIS),
        user_tag(run.user),
        group_tag(run.group),
        workflow_tag(run.workflow.name),
        CLUSTER_TAG + cluster,
        *([] if run.rule is None else [rule_tag(run.rule)]),
    ]
