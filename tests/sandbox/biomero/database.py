"""A BIOMERO database as BIOMERO.importer makes it (migration 78d3d6d84aec), and its front end's way of ordering."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from pydantic import SecretStr

from blocks.biomero_database import BiomeroDatabase
from sandbox.site import Site
from sandbox.site.postgres import USER

SCHEMA = """
CREATE TABLE imports_preprocessing (
    id SERIAL PRIMARY KEY,
    container VARCHAR(255) NOT NULL,
    input_file VARCHAR(255) NOT NULL,
    output_folder VARCHAR(255) NOT NULL,
    alt_output_folder VARCHAR(255),
    extra_params JSON
);
CREATE TABLE imports (
    id SERIAL PRIMARY KEY,
    group_name VARCHAR(255) NOT NULL,
    user_name VARCHAR(255) NOT NULL,
    destination_id VARCHAR(255) NOT NULL,
    destination_type VARCHAR(255) NOT NULL,
    stage VARCHAR(255) NOT NULL,
    uuid VARCHAR(36) NOT NULL,
    timestamp TIMESTAMP WITH TIME ZONE DEFAULT now(),
    files TEXT NOT NULL,
    file_names TEXT,
    description TEXT,
    preprocessing_id INTEGER REFERENCES imports_preprocessing (id)
);
CREATE INDEX ix_imports_user_name ON imports (user_name);
CREATE INDEX ix_imports_uuid ON imports (uuid);
CREATE INDEX imports_ix_uuid_timestamp ON imports (uuid, timestamp);
CREATE TABLE alembic_version_omeroadi (version_num VARCHAR(32) NOT NULL PRIMARY KEY);
INSERT INTO alembic_version_omeroadi VALUES ('78d3d6d84aec');
"""


@dataclass(frozen=True)
class FrontEnd:
    """What OMERO.biomero does to the database: it orders, and its Monitor reads."""

    block: BiomeroDatabase
    connection: psycopg.Connection

    def order(
        self,
        files: Sequence[Path] | str,
        *,
        token: str | None = None,
        age: str = "0 seconds",
        preprocessing: int | None = None,
        stage: str = "Import Pending",
        **columns: Any,
    ) -> str:
        """Insert a row; returns its uuid. `files`: paths, or the column's text as it is."""
        token = token or str(uuid.uuid4())
        text = files if isinstance(files, str) else json.dumps([str(file) for file in files])
        given = {
            "group_name": "lab-a",
            "user_name": "alice",
            "destination_id": "1",
            "destination_type": "Dataset",
            "stage": stage,
            "uuid": token,
            "files": text,
            "preprocessing_id": preprocessing,
            **columns,
        }
        names = sql.SQL(", ").join(map(sql.Identifier, given))
        values = sql.SQL(", ").join(map(sql.Placeholder, given))
        statement = sql.SQL("INSERT INTO imports ({}, timestamp) VALUES ({}, now() - {}::interval)")
        self.connection.execute(statement.format(names, values, sql.Literal(age)), given)
        return token

    def preprocessing(self, container: str, extra_params: dict[str, str] | None = None) -> int:
        row = self.connection.execute(
            "INSERT INTO imports_preprocessing (container, input_file, output_folder, alt_output_folder, extra_params)"
            " VALUES (%s, '{Files}', '/data', '/out', %s) RETURNING id",
            (container, json.dumps(extra_params or {})),
        ).fetchone()
        assert row is not None
        return int(row[0])

    def monitor(self, token: str) -> list[tuple[str, str]]:
        """Stage and description of an order's rows, as the Monitor sorts them: by time."""
        found = self.connection.execute(
            "SELECT stage, coalesce(description, '') FROM imports WHERE uuid = %s ORDER BY timestamp", (token,)
        ).fetchall()
        return [(stage, description) for stage, description in found]

    def stages(self, token: str) -> list[str]:
        return [stage for stage, _ in self.monitor(token)]


def make_block(site: Site, *, poll_seconds: float = 0.5, may_add_trigger: bool = False) -> BiomeroDatabase:
    """A new database in the site's PostgreSQL, with BIOMERO's tables."""
    known = site.addresses
    block = BiomeroDatabase(
        host="127.0.0.1",
        port=known.ports["postgres"],
        database=f"biomero-{uuid.uuid4().hex[:12]}",
        user=USER,
        password=SecretStr(known.database_password),
        mount=str(site.storage),
        poll_seconds=poll_seconds,
        may_add_trigger=may_add_trigger,
    )
    with block.model_copy(update={"database": "postgres"}).connect() as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(block.database)))
    with block.connect() as connection:
        connection.execute(SCHEMA)
    return block
