"""The database of an existing BIOMERO site, where its front ends leave their orders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from prefect.blocks.core import Block
from psycopg.conninfo import make_conninfo
from pydantic import Field, SecretStr
from pydantic.networks import HttpUrl

from contracts.failures import FailureCategory, FailureError, fail

#: Seconds to wait for the database to let us in.
PATIENCE = 10


class BiomeroDatabase(Block):
    """The PostgreSQL database in which OMERO.biomero and BIOMERO.importer keep import orders (table `imports`).

    The account reads and inserts rows of `imports`, locks them (UPDATE), and reads `imports_preprocessing`.

    Example:
        Look at the orders that nobody has taken:
        ```python
        from blocks.biomero_database import BiomeroDatabase

        database = BiomeroDatabase.load("BLOCK_NAME")
        with database.connect() as connection:
            print(connection.execute("SELECT uuid FROM imports WHERE stage = 'Import Pending'").fetchall())
        ```
    """

    _block_type_name = "BIOMERO Database"
    _block_type_slug = "biomero-database"
    _logo_url = HttpUrl("https://www.openmicroscopy.org/img/logos/ome-logomark.svg")
    _documentation_url = HttpUrl("https://nl-bioimaging.github.io/NL-BIOMERO/master/")

    host: str = Field(description="Host name of the PostgreSQL server.")
    port: int = Field(default=5432, ge=1, le=65535, description="Its port.")
    database: str = Field(default="biomero", min_length=1, description="Name of the database.")
    user: str = Field(min_length=1, description="Account that may read, insert and lock rows of `imports`.")
    password: SecretStr = Field(description="Password of the account.")
    mount: str = Field(
        default="/data",
        pattern="^/",
        description="Where the front ends have the image storage mounted (IMPORT_MOUNT_PATH); paths in orders begin"
        " with it.",
    )
    poll_seconds: float = Field(default=5.0, ge=0.5, le=300, description="How often the database is asked for orders.")
    may_add_trigger: bool = Field(
        default=False,
        description="Whether a trigger may be added to `imports`, which tells of a new order at once (LISTEN/NOTIFY).",
    )
    look_back_days: int = Field(
        default=30, ge=0, le=3650, description="How long a failed order is watched for somebody's retry, in days."
    )

    @contextmanager
    def connect(self) -> Iterator[psycopg.Connection]:
        """A connection that commits every statement, unless a transaction is opened.

        Raises:
            FailureError: BIOMERO_UNREACHABLE, BIOMERO_REFUSED; also for what is done inside.
        """
        address = make_conninfo(
            host=self.host,
            port=self.port,
            dbname=self.database,
            user=self.user,
            password=self.password.get_secret_value(),
            connect_timeout=PATIENCE,
            application_name="omero-flows",
        )
        try:
            with psycopg.connect(address, autocommit=True) as connection:
                yield connection
        except psycopg.Error as error:
            raise self._failure(error) from error

    def _failure(self, error: psycopg.Error) -> FailureError:
        where = f"{self.database} on {self.host}:{self.port}"
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            return fail(
                FailureCategory.BIOMERO_UNREACHABLE,
                f"BIOMERO's database {where} does not answer.",
                detail=str(error).strip(),
                next_step="Check that it runs, and address, account and password in the BiomeroDatabase block.",
            )
        return fail(
            FailureCategory.BIOMERO_REFUSED,
            f"BIOMERO's database {where} refuses what the bridge does.",
            detail=str(error).strip(),
            next_step="Let the account read, insert and lock rows of `imports`, and read `imports_preprocessing`.",
        )
