"""BIOMERO.importer's settings.yml."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr

from contracts.base import Contract
from contracts.biomero_site.values import as_text
from contracts.slurm_config.report import MigratedKey, WrittenKey

_SKIPS = "Nothing is uploaded; every file is checked, and thumbnails are OMERO's."
_TESTS = "It is for BIOMERO's own test; `omero-flows doctor` says whether the site works."
_LOG = "A run's log is in the panel and in the Prefect UI."
_NOT_NEEDED = {
    "log_file_path": _LOG,
    "log_level": _LOG,
    "parallel_upload_per_worker": "Nothing is uploaded: files are imported in place.",
    "parallel_filesets_per_worker": "Nothing is uploaded: files are imported in place.",
    **{f"skip_{what}": _SKIPS for what in ("all", "checksum", "minmax", "thumbnails", "upgrade")},
    "shutdown_timeout": "A worker may end at any time; BIOMERO never reads this key either.",
    "data_dir_name": "BIOMERO.importer has not read it for long.",
    "group_list": "Give groups_list.json itself.",
    "preprocessing": _TESTS,
}
_NAMESPACE = "biomero.import"


class DatabaseAddress(Contract):
    """Where BIOMERO's database is. The password is never shown."""

    host: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(ge=1, le=65535)] = 5432
    database: Annotated[str, Field(min_length=1)] = "biomero"
    user: Annotated[str, Field(min_length=1)]
    password: SecretStr | None = None


def read_database_url(text: str) -> DatabaseAddress:
    """SQLAlchemy's words for a PostgreSQL database: `postgresql+psycopg2://user:password@host:5432/name`.

    Raises:
        ValueError: it is none; the message has no part of the address, for there may be a password in it.
    """
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise ValueError("the address of the database cannot be read") from None
    if parts.scheme.partition("+")[0] not in ("postgresql", "postgres"):
        raise ValueError("only a PostgreSQL database can be bridged")
    name = parts.path.removeprefix("/")
    if not parts.hostname or not parts.username or not name:
        raise ValueError("the address of the database has no host, account or name")
    return DatabaseAddress(
        host=parts.hostname,
        port=5432 if port is None else port,
        database=unquote(name),
        user=unquote(parts.username),
        password=SecretStr(unquote(parts.password)) if parts.password else None,
    )


class ImporterSettings:
    """Takes a whole file; `database` and `mount` are what it says of where orders come from."""

    def __init__(self, content: dict[str, Any], section: str) -> None:
        self._section = section
        self.database: DatabaseAddress | None = None
        self.mount: str | None = None
        self.keys = [self._take(as_text(name), value) for name, value in content.items()]

    def _take(self, name: str, value: Any) -> MigratedKey:
        key = WrittenKey(section=self._section, key=name, value=as_text(value))
        if value is None:
            return key.unset()
        if name in _NOT_NEEDED:
            return key.not_needed(_NOT_NEEDED[name])
        if name.startswith("sample_"):
            return key.not_needed(_TESTS)
        if name == "ingest_tracking_db":
            return self._database(key, value)
        if name == "base_dir":
            return self._base(key, value)
        if name == "max_workers":
            return self._site(key, value, "parallel_imports", 64)
        if name == "ttl_for_user_conn":
            return key.not_honoured("BIOMERO ignores it; here it is session_minutes in [omero] of site.toml, a day.")
        if name == "use_register_zarr":
            if value is False:
                return key.taken("never done")
            return key.not_honoured("OME-Zarr is not registered; have it converted (outputformat ometiff).")
        if name == "annotation_namespace":
            if value == _NAMESPACE:
                return key.taken("always so")
            return key.not_honoured(f"Orders' key-values are always in {_NAMESPACE}.")
        return key.not_honoured("BIOMERO.importer has no such key.")

    def _database(self, key: WrittenKey, value: Any) -> MigratedKey:
        try:
            self.database = read_database_url(str(value))
        except ValueError as error:
            return key.not_honoured(f"{str(error).capitalize()}.")
        found = self.database
        return key.taken(f"biomero: {found.database} on {found.host}:{found.port} as {found.user}")

    def _base(self, key: WrittenKey, value: Any) -> MigratedKey:
        if not isinstance(value, str) or not value.startswith("/"):
            return key.not_honoured("It is no absolute path.")
        self.mount = value.rstrip("/") or "/"
        return key.changed(
            f"biomero mount = {self.mount}",
            "Orders' paths begin with it. Where the workers have the storage is root in [storage] of site.toml.",
        )

    def _site(self, key: WrittenKey, value: Any, setting: str, most: int) -> MigratedKey:
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            return key.not_honoured(f"It is no number from 1 to {most}.")
        return key.changed(f"{setting} = {value}", "Write it into [omero] of site.toml; a worker's --limit counts too.")
