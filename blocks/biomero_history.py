"""What a BIOMERO database remembers: import orders that are over, and workflows by their events.

Read in pages, so that a history of any length takes little memory. Status and progress of jobs, of which BIOMERO wrote
two events every ten seconds, are not read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from blocks.biomero_orders import CLAIMED
from contracts.biomero_import import ImportStage, StoredOrder, StoredPreprocessing
from contracts.biomero_past_order import StoredStage
from contracts.biomero_past_workflow import PastEvent, read_event, tasks_of

#: Orders or workflows in a page.
PAGE = 100

#: Orders that omero-flows has taken are in its own history already.
_UUIDS = """SELECT r.uuid FROM imports r WHERE r.uuid > %(after)s GROUP BY r.uuid
    HAVING NOT bool_or(r.stage = %(started)s AND coalesce(r.description, '') = %(claimed)s)
    ORDER BY r.uuid LIMIT %(most)s"""

_STAGES = """SELECT uuid, stage, timestamp, description FROM imports WHERE uuid = ANY(%s)
    ORDER BY coalesce(timestamp, '-infinity'), id"""

_LATEST = """SELECT DISTINCT ON (r.uuid) r.uuid, r.group_name, r.user_name, r.destination_id, r.destination_type,
        r.files, p.id AS preprocessing, p.container, p.input_file, p.output_folder, p.alt_output_folder,
        p.extra_params::text AS extra_params
    FROM imports r LEFT JOIN imports_preprocessing p ON p.id = r.preprocessing_id WHERE r.uuid = ANY(%s)
    ORDER BY r.uuid, coalesce(r.timestamp, '-infinity') DESC, r.id DESC"""

_BEGINNINGS = """SELECT id, originator_id FROM workflowtracker_events
    WHERE id > %(after)s AND topic LIKE '%%:WorkflowRun.WorkflowInitiated' ORDER BY id LIMIT %(most)s"""

_EVENTS = """SELECT originator_id, topic, state FROM workflowtracker_events
    WHERE originator_id = ANY(%s) AND topic NOT LIKE '%%:Task.StatusUpdated'
        AND topic NOT LIKE '%%:Task.ProgressUpdated' AND topic NOT LIKE '%%:Task.ResultAdded'
    ORDER BY originator_id, originator_version"""

Order = tuple[StoredOrder, list[StoredStage]]
#: A workflow's events and those of its tasks, or why they cannot be read.
Workflow = tuple[UUID, list[PastEvent], list[list[PastEvent]], str | None]


def read_past_orders(connection: psycopg.Connection) -> Iterator[list[Order]]:
    """Pages of orders that omero-flows has not taken, each with all its rows, the oldest first."""
    if not _is_there(connection, "imports"):
        return
    after = ""
    while True:
        asked = {"after": after, "started": ImportStage.STARTED.value, "claimed": CLAIMED, "most": PAGE}
        uuids = [row[0] for row in connection.execute(_UUIDS, asked).fetchall()]
        if not uuids:
            return
        stages: dict[str, list[StoredStage]] = defaultdict(list)
        for uuid, stage, at, description in connection.execute(_STAGES, (uuids,)).fetchall():
            stages[uuid].append(StoredStage(stage=stage, at=at, description=description))
        with connection.cursor(row_factory=dict_row) as cursor:
            latest = cursor.execute(_LATEST, (uuids,)).fetchall()
        yield [(_stored(row), stages[row["uuid"]]) for row in latest]
        after = uuids[-1]


def read_past_workflows(connection: psycopg.Connection) -> Iterator[list[Workflow]]:
    """Pages of workflows in the sequence in which they were begun."""
    if not _is_there(connection, "workflowtracker_events"):
        return
    after = 0
    while True:
        found = connection.execute(_BEGINNINGS, {"after": after, "most": PAGE}).fetchall()
        if not found:
            return
        workflows = [row[1] for row in found]
        events = _events(connection, workflows)
        tasks = {workflow: tasks_of(events[workflow][0]) for workflow in workflows}
        of_tasks = _events(connection, [task for some in tasks.values() for task in some])
        page: list[Workflow] = []
        for workflow in workflows:
            read, wrong = events[workflow]
            parts = [of_tasks[task] for task in tasks[workflow]]
            page.append((workflow, read, [part for part, _ in parts], wrong or next((w for _, w in parts if w), None)))
        yield page
        after = found[-1][0]


def _events(connection: psycopg.Connection, of: Sequence[UUID]) -> dict[UUID, tuple[list[PastEvent], str | None]]:
    """By workflow or task: its events up to one that cannot be read, and why that cannot."""
    read: dict[UUID, list[PastEvent]] = defaultdict(list)
    wrong: dict[UUID, str] = {}
    for originator, topic, state in connection.execute(_EVENTS, (list(of),)).fetchall():
        if originator in wrong:
            continue
        try:
            read[originator].append(read_event(originator, topic, bytes(state)))
        except ValueError as error:
            wrong[originator] = str(error)
    return {originator: (read[originator], wrong.get(originator)) for originator in of}


def _is_there(connection: psycopg.Connection, table: str) -> bool:
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (table,)).fetchone()
    return row is not None and bool(row[0])


def _stored(row: dict[str, Any]) -> StoredOrder:
    return StoredOrder(
        **{name: row[name] for name in _PLAIN},
        preprocessing=None
        if row["preprocessing"] is None
        else StoredPreprocessing(**{name: row[name] for name in StoredPreprocessing.model_fields}),
    )


_PLAIN = ("uuid", "group_name", "user_name", "destination_id", "destination_type", "files")
