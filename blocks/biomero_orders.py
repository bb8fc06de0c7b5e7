"""The orders in a BIOMERO database: claimed, followed, and told how they stand.

The tables are BIOMERO.importer's (migration 78d3d6d84aec), and nothing is added to them but rows. The latest row of a
UUID, by time and then by id, says how the order stands. Nothing is remembered between two calls: what is ours is known
by the row with which we claimed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import dict_row

from contracts.biomero_import import ImportStage, StoredOrder, StoredPreprocessing

#: The description of the row with which an order is claimed, so that orders of BIOMERO.importer are left alone.
CLAIMED = "Taken by omero-flows"
CHANNEL = "omero_flows_imports"

#: That row `r` is not the latest of its order. A row without a time is older than any.
_LATER = """EXISTS (SELECT 1 FROM imports l WHERE l.uuid = r.uuid
    AND (coalesce(l.timestamp, '-infinity'), l.id) > (coalesce(r.timestamp, '-infinity'), r.id))"""

_PENDING = f"""SELECT r.id FROM imports r WHERE r.stage = %(pending)s AND NOT {_LATER}
    ORDER BY r.timestamp, r.id LIMIT %(most)s FOR UPDATE OF r SKIP LOCKED"""

#: A copy of a row as the order's next one. The latest row is the one with the latest time, so that it has to be later
#: than the one before, also when both are written in the same microsecond or somebody's clock was ahead.
_APPEND = """INSERT INTO imports (group_name, user_name, destination_id, destination_type, stage, uuid, timestamp,
        files, file_names, description, preprocessing_id)
    SELECT r.group_name, r.user_name, r.destination_id, r.destination_type, %(stage)s, r.uuid,
        greatest(clock_timestamp(), r.timestamp + interval '1 microsecond'),
        r.files, r.file_names, %(description)s, r.preprocessing_id
    FROM imports r WHERE """

_OPEN = f"""SELECT r.uuid, r.group_name, r.user_name, r.destination_id, r.destination_type, r.files, r.stage,
        p.id AS preprocessing, p.container, p.input_file, p.output_folder, p.alt_output_folder,
        p.extra_params::text AS extra_params,
        r.preprocessing_id IS NOT NULL AND p.id IS NULL AS preprocessing_lost,
        (SELECT max(m.timestamp) FROM imports m
            WHERE m.uuid = r.uuid AND m.stage = %(started)s AND m.description = %(claimed)s) AS claimed,
        (SELECT count(DISTINCT (o.group_name, o.user_name, o.destination_id, o.destination_type, o.files,
            o.preprocessing_id)) FROM imports o WHERE o.uuid = r.uuid) AS meanings
    FROM imports r LEFT JOIN imports_preprocessing p ON p.id = r.preprocessing_id
    WHERE (r.stage IN (%(started)s, %(preprocessing)s)
           OR r.stage = %(failed)s AND r.timestamp > now() - make_interval(days => %(days)s))
        AND NOT {_LATER}
        AND EXISTS (SELECT 1 FROM imports m
            WHERE m.uuid = r.uuid AND m.stage = %(started)s AND m.description = %(claimed)s)
    ORDER BY r.timestamp, r.id"""

_TRIGGER = f"""
CREATE OR REPLACE FUNCTION omero_flows_tell_import() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('{CHANNEL}', NEW.uuid);
    RETURN NEW;
END $$;
CREATE TRIGGER omero_flows_tell_import AFTER INSERT OR UPDATE OF stage ON imports
    FOR EACH ROW WHEN (NEW.stage = 'Import Pending') EXECUTE FUNCTION omero_flows_tell_import();
"""


@dataclass(frozen=True)
class ClaimedOrder:
    """An order of ours that has not ended well.

    `told` is its latest stage. `claimed` is when it was claimed last, by the database's clock. `meanings` counts the
    different orders that its UUID was given to: more than one, and nobody knows which is meant.
    """

    row: StoredOrder
    told: ImportStage
    claimed: datetime
    meanings: int
    preprocessing_lost: bool


def claim_orders(connection: psycopg.Connection, most: int) -> list[str]:
    """Claim the oldest orders that nobody has taken, of whatever age, and return their uuids as they are written.

    Two that claim at once never get the same order: a row that another one holds is skipped, and what was held is
    looked at again in a second statement, which sees what the other one has written meanwhile.
    """
    with connection.transaction():
        rows = connection.execute(_PENDING, {"pending": ImportStage.PENDING.value, "most": most}).fetchall()
        claimed = connection.execute(
            _APPEND + f"r.id = ANY(%(ids)s) AND NOT {_LATER} RETURNING uuid",
            {"ids": [row[0] for row in rows], "stage": ImportStage.STARTED.value, "description": CLAIMED},
        ).fetchall()
    return [row[0] for row in claimed]


def read_claimed(connection: psycopg.Connection, *, look_back_days: int) -> list[ClaimedOrder]:
    """All orders of ours that have not ended, and those that failed in the last days, the oldest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(
            _OPEN,
            {
                "started": ImportStage.STARTED.value,
                "preprocessing": ImportStage.PREPROCESSING.value,
                "failed": ImportStage.FAILED.value,
                "claimed": CLAIMED,
                "days": look_back_days,
            },
        ).fetchall()
    return [
        ClaimedOrder(
            row=StoredOrder(
                **{name: row[name] for name in _PLAIN},
                preprocessing=None
                if row["preprocessing"] is None
                else StoredPreprocessing(**{name: row[name] for name in StoredPreprocessing.model_fields}),
            ),
            told=ImportStage(row["stage"]),
            claimed=row["claimed"],
            meanings=row["meanings"],
            preprocessing_lost=row["preprocessing_lost"],
        )
        for row in found
    ]


def tell_stages(
    connection: psycopg.Connection, uuid: str, told: ImportStage, stages: Sequence[ImportStage], description: str
) -> None:
    """Append stages to an order, if it still stands as `told`: another bridge may have been faster.

    `description` goes with the last of them.
    """
    with connection.transaction():
        connection.execute("SELECT id FROM imports WHERE uuid = %s ORDER BY id FOR UPDATE", (uuid,))
        for number, stage in enumerate(stages, start=1):
            connection.execute(
                _APPEND + f"r.uuid = %(uuid)s AND r.stage = %(told)s AND NOT {_LATER}",
                {
                    "uuid": uuid,
                    "told": told.value,
                    "stage": stage.value,
                    "description": description if number == len(stages) else None,
                },
            )
            told = stage


def count_pending(connection: psycopg.Connection) -> int:
    """How many orders nobody has taken; shows besides that the tables are there and may be read."""
    counted = connection.execute(
        "SELECT count(*), (SELECT count(*) FROM imports_preprocessing WHERE false),"
        " has_table_privilege('imports', 'INSERT') AND has_table_privilege('imports', 'UPDATE')"
        f" FROM imports r WHERE r.stage = %(pending)s AND NOT {_LATER}",
        {"pending": ImportStage.PENDING.value},
    ).fetchone()
    if counted is None or not counted[2]:
        raise psycopg.errors.InsufficientPrivilege("permission denied: INSERT and UPDATE on imports are needed")
    return int(counted[0])


def listen(connection: psycopg.Connection) -> None:
    """Be told of new orders on this connection; makes the trigger that tells, if it is not there."""
    with connection.transaction():
        # Two bridges that made it at once would fail each other.
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('omero_flows_tell_import'))")
        there = connection.execute(
            "SELECT 1 FROM pg_trigger WHERE tgname = 'omero_flows_tell_import' AND tgrelid = 'imports'::regclass"
        ).fetchone()
        if there is None:
            connection.execute(_TRIGGER)
    connection.execute(f"LISTEN {CHANNEL}")


_PLAIN = ("uuid", "group_name", "user_name", "destination_id", "destination_type", "files")
