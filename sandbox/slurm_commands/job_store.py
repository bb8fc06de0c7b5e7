"""What the commands and the queue know of jobs: one SQLite file.

A submission has one row, each of its tasks another; a task has a number of its own, as in Slurm, where the first has
its array's. Rows are never removed. Writers take the database's lock for one transaction each (WAL, busy timeout), so
that what sbatch has printed the number of is on disk.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

#: Slurm's words (squeue(1), "JOB STATE CODES"); those of jobs that have not ended.
PENDING, RUNNING, COMPLETING = "PENDING", "RUNNING", "COMPLETING"
LIVE = (PENDING, RUNNING, COMPLETING)
#: The one node, and the one partition.
NODE, PARTITION = "local", "main"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS submission (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, comment TEXT NOT NULL, folder TEXT NOT NULL, output TEXT NOT NULL,
    append INTEGER NOT NULL, script BLOB NOT NULL, environment TEXT NOT NULL, cpus INTEGER NOT NULL,
    memory_mb INTEGER NOT NULL, minutes REAL, at_once INTEGER, submitted REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS task (
    id INTEGER PRIMARY KEY, number INTEGER NOT NULL REFERENCES submission, task INTEGER, state TEXT NOT NULL,
    reason TEXT NOT NULL, held INTEGER NOT NULL, cancelled INTEGER NOT NULL DEFAULT 0, started REAL, ended REAL,
    exit_code INTEGER NOT NULL DEFAULT 0, signal INTEGER NOT NULL DEFAULT 0, cpu_seconds REAL NOT NULL DEFAULT 0,
    max_rss INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS task_state ON task (state);
CREATE INDEX IF NOT EXISTS task_number ON task (number);
CREATE INDEX IF NOT EXISTS submission_name ON submission (name);
"""


@dataclass(frozen=True)
class Submission:
    """What sbatch was given. `minutes`: the time limit, None for none; `at_once`: tasks of it that may run together.

    `output`: the log's name with sbatch's patterns; `append`: whether the log goes on. `tasks` is (None,) of a job that
    is no array.
    """

    name: str
    comment: str
    folder: str
    output: str
    append: bool
    script: bytes
    environment: dict[str, str]
    cpus: int
    memory_mb: int
    minutes: float | None
    tasks: tuple[int | None, ...]
    at_once: int | None
    held: bool


@dataclass(frozen=True)
class Job:
    """A task of a submission and how it stands. Times are seconds since the epoch, `max_rss` is in bytes."""

    id: int
    number: int
    task: int | None
    state: str
    reason: str
    held: bool
    cancelled: bool
    started: float | None
    ended: float | None
    exit_code: int
    signal: int
    cpu_seconds: float
    max_rss: int
    name: str
    comment: str
    folder: str
    cpus: int
    memory_mb: int
    minutes: float | None
    at_once: int | None
    submitted: float

    @property
    def shown_id(self) -> str:
        """As Slurm writes it: `7`, or `7_3` for a task of an array."""
        return str(self.number) if self.task is None else f"{self.number}_{self.task}"


@dataclass(frozen=True)
class Ending:
    """How a job ended. `exit_code` or `signal` of its script."""

    state: str
    exit_code: int = 0
    signal: int = 0
    cpu_seconds: float = 0.0
    max_rss: int = 0


_COLUMNS = (
    "t.id, t.number, t.task, t.state, t.reason, t.held, t.cancelled, t.started, t.ended, t.exit_code, t.signal,"
    " t.cpu_seconds, t.max_rss, s.name, s.comment, s.folder, s.cpus, s.memory_mb, s.minutes, s.at_once, s.submitted"
)


class JobStore:
    """The jobs in one file; made if it is not there. Use one a process and thread."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, timeout=60.0, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(_SCHEMA)

    def submit(self, wanted: Submission, now: float) -> int:
        """Write a submission down; its number."""
        with self._writing() as database:
            (number,) = database.execute("SELECT coalesce(max(id), 0) + 1 FROM task").fetchone()
            database.execute(
                "INSERT INTO submission VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(number, wanted.name, wanted.comment, wanted.folder, wanted.output, wanted.append, wanted.script),
                    *(json.dumps(wanted.environment), wanted.cpus, wanted.memory_mb, wanted.minutes, wanted.at_once),
                    now,
                ),
            )
            reason = "JobHeldUser" if wanted.held else "Priority"
            database.executemany(
                "INSERT INTO task (id, number, task, state, reason, held) VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (number + position, number, task, PENDING, reason, wanted.held)
                    for position, task in enumerate(wanted.tasks)
                ],
            )
        return int(number)

    def find(
        self, *, states: Sequence[str] = (), names: Sequence[str] = (), ended_after: float | None = None
    ) -> list[Job]:
        """Jobs in the sequence of their numbers. An empty sequence asks for any.

        `ended_after`: none that ended before that moment.
        """
        conditions, values = ["1"], list[object]()
        for column, wanted in (("t.state", states), ("s.name", names)):
            if wanted:
                conditions.append(f"{column} IN ({','.join('?' * len(wanted))})")
                values += wanted
        if ended_after is not None:
            conditions.append("(t.ended IS NULL OR t.ended >= ?)")
            values.append(ended_after)
        rows = self._database.execute(
            f"SELECT {_COLUMNS} FROM task t JOIN submission s USING (number) WHERE {' AND '.join(conditions)}"
            " ORDER BY t.id",
            values,
        )
        return [_job(row) for row in rows]

    def script(self, number: int) -> tuple[bytes, dict[str, str], str, bool]:
        """A submission's script, environment, log and whether the log goes on."""
        script, environment, output, append = self._database.execute(
            "SELECT script, environment, output, append FROM submission WHERE number = ?", (number,)
        ).fetchone()
        return script, json.loads(environment), output, bool(append)

    def cancel(self, jobs: Iterable[Job], now: float) -> None:
        """End those that wait; of those that run it is the queue's to end them."""
        with self._writing() as database:
            for job in jobs:
                database.execute("UPDATE task SET cancelled = 1 WHERE id = ?", (job.id,))
                database.execute(
                    "UPDATE task SET state = 'CANCELLED', reason = 'None', ended = ? WHERE id = ? AND state = ?",
                    (now, job.id, PENDING),
                )

    def hold(self, jobs: Iterable[Job], *, held: bool) -> None:
        with self._writing() as database:
            database.executemany(
                "UPDATE task SET held = ?, reason = ? WHERE id = ? AND state = ?",
                [(held, "JobHeldUser" if held else "Priority", job.id, PENDING) for job in jobs],
            )

    def begin(self, job: Job, now: float) -> bool:
        """Say that a job runs; False when it was cancelled or held since it was read."""
        with self._writing() as database:
            changed = database.execute(
                "UPDATE task SET state = ?, reason = 'None', started = ? WHERE id = ? AND state = ? AND held = 0",
                (RUNNING, now, job.id, PENDING),
            )
            return changed.rowcount == 1

    def explain(self, waiting: Iterable[tuple[Job, str]]) -> None:
        """Say why jobs wait."""
        with self._writing() as database:
            database.executemany(
                "UPDATE task SET reason = ? WHERE id = ? AND state = ? AND held = 0",
                [(reason, job.id, PENDING) for job, reason in waiting if job.reason != reason],
            )

    def completing(self, job: Job) -> None:
        with self._writing() as database:
            database.execute("UPDATE task SET state = ? WHERE id = ?", (COMPLETING, job.id))

    def end(self, job: Job, ending: Ending, now: float) -> None:
        with self._writing() as database:
            database.execute(
                "UPDATE task SET state = ?, reason = 'None', ended = ?, exit_code = ?, signal = ?, cpu_seconds = ?,"
                " max_rss = ? WHERE id = ?",
                (
                    *(ending.state, now, ending.exit_code, ending.signal, ending.cpu_seconds, ending.max_rss),
                    job.id,
                ),
            )

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield self._database
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")


def _job(row: tuple[object, ...]) -> Job:
    return Job(*row)  # type: ignore[arg-type]  # STRICT tables: each column has its type
