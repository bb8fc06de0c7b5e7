"""What became of each key of a BIOMERO site's settings."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, ValidationError

from contracts.base import Contract
from contracts.cluster_settings import ClusterSettings
from contracts.workflow_entry import WorkflowEntry, WorkflowName


class Outcome(StrEnum):
    #: It means here what it meant there.
    TAKEN = "taken"
    #: Its purpose is served, in other words or with another value.
    CHANGED = "changed"
    #: What it steered is done without it.
    NOT_NEEDED = "not needed"
    #: Something is lost; the reason says what to do about it.
    NOT_HONOURED = "not honoured"


class MigratedKey(Contract):
    """One key: where it went (`became`) and why, if there is more to say. Secrets are not in `value`."""

    section: str
    key: str
    value: str
    outcome: Annotated[Outcome, Field(strict=False)]
    became: str = ""
    reason: str = ""


class SlurmConfigMigration(Contract):
    """A whole file: the workflows, the cluster, and every key in the file's sequence."""

    workflows: dict[WorkflowName, WorkflowEntry]
    cluster: ClusterSettings
    keys: Annotated[tuple[MigratedKey, ...], Field(strict=False)]

    @property
    def describes_cluster(self) -> bool:
        """Whether the file says anything of a cluster: BIOMERO's defaults alone are none."""
        return any(key.section in ("SSH", "SLURM") for key in self.keys)


class WrittenKey(Contract):
    """A key as it stands in a file. Of an ini file: the section's name as written, the key in small letters."""

    section: str
    key: str
    value: str

    def taken(self, became: str, reason: str = "") -> MigratedKey:
        return self._row(Outcome.TAKEN, became, reason)

    def changed(self, became: str, reason: str) -> MigratedKey:
        return self._row(Outcome.CHANGED, became, reason)

    def not_needed(self, reason: str) -> MigratedKey:
        return self._row(Outcome.NOT_NEEDED, "", reason)

    def not_honoured(self, reason: str) -> MigratedKey:
        return self._row(Outcome.NOT_HONOURED, "", reason)

    def unset(self) -> MigratedKey:
        return self._row(Outcome.TAKEN, "not set", "")

    def _row(self, outcome: Outcome, became: str, reason: str) -> MigratedKey:
        secret = self.key in SECRETS and self.value
        return MigratedKey(
            section=self.section,
            key=self.key,
            value="(not shown)" if secret else self.value,
            outcome=outcome,
            became=became,
            reason=reason,
        )


#: Keys whose value holds a password.
SECRETS = frozenset({"sqlalchemy_url", "ingest_tracking_db"})


def reason_of(error: ValidationError) -> str:
    """Why a model refused a key's value, as a sentence."""
    first = error.errors()[0]
    if first["type"] == "string_pattern_mismatch":
        return f"{str(first['input'])[:80]!r} has characters that do not belong there."
    return first["msg"].removeprefix("Value error, ") + "."


_TRUE = {"1", "yes", "true", "on", "y"}
_FALSE = {"0", "no", "false", "off", "n"}


def read_switch(text: str) -> bool:
    """BIOMERO's words for true and false.

    Raises:
        ValueError: it is neither.
    """
    word = text.strip().lower()
    if word in _TRUE | _FALSE:
        return word in _TRUE
    raise ValueError(f"{text[:40]!r} is neither true nor false")
