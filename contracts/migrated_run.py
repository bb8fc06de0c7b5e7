"""A run that BIOMERO did, as it is kept in the run history here: so that its UUID goes on answering.

It is a flow run without a deployment, in its last state, with the tag `migrated`. Nothing starts it again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, ValidationError

from contracts.base import Contract, Moment, Token
from contracts.run_tags import MIGRATED, ORDERED, RunKind, group_tag, kind_tag, user_tag, workflow_tag

#: The parameters of a flow run that hold what was ordered, by kind: the same as of runs of this site; and its history.
ORDER_PARAMETERS = {RunKind.IMPORT: "order", RunKind.ANALYSIS: "run"}
HISTORY_PARAMETER = "history"

#: Prefect refuses parameters of more than half a megabyte (`server.api.max_parameter_size`): lines of a history,
#: characters of one, and characters of all files' paths.
MOST_LINES = 100
LONGEST_SAID = 1000
LONGEST_FILES = 150_000


class MigratedEnd(StrEnum):
    COMPLETED = "completed"
    FAILED = "failed"
    #: BIOMERO never wrote how it ended: it was restarted, or works at it still.
    UNFINISHED = "unfinished"


class MigratedLine(Contract):
    """One thing that BIOMERO wrote down: a stage of an order, a task of a workflow."""

    at: Moment | None
    what: str
    said: Annotated[str, Field(max_length=LONGEST_SAID)] = ""


class MigratedHistory(Contract):
    """What BIOMERO knew of the run beside what was ordered. `left_out`: lines that were too many."""

    placed: Moment | None
    began: Moment | None
    ended: Moment | None
    end: Annotated[MigratedEnd, Field(strict=False)]
    said: Annotated[str, Field(max_length=LONGEST_SAID)] = ""
    lines: Annotated[tuple[MigratedLine, ...], Field(strict=False, max_length=MOST_LINES)] = ()
    left_out: Annotated[int, Field(ge=0)] = 0


class MigratedRun(Contract):
    """One run to be kept. `ordered` has `uuid`, `user` and `group` at least; for an import it is an ImportOrder where
    BIOMERO's row can be read as one. `user` and `group` are OMERO's names.
    """

    token: Token
    kind: Annotated[RunKind, Field(strict=False)]
    title: str
    user: str
    group: str
    workflow: str | None = None
    ordered: dict[str, Any]
    history: MigratedHistory

    @property
    def tags(self) -> list[str]:
        tags = [ORDERED, MIGRATED, str(self.token), kind_tag(self.kind), user_tag(self.user), group_tag(self.group)]
        return [*tags, workflow_tag(self.workflow)] if self.workflow is not None else tags

    @property
    def parameters(self) -> dict[str, Any]:
        """Of the flow run; JSON."""
        return {
            ORDER_PARAMETERS[self.kind]: self.ordered,
            HISTORY_PARAMETER: self.history.model_dump(mode="json"),
        }


def read_history(tags: Collection[str], parameters: Mapping[str, Any]) -> MigratedHistory | None:
    """The history of a flow run that was taken over; None for one of this site, or of another version."""
    if MIGRATED not in tags:
        return None
    try:
        return MigratedHistory.model_validate(parameters.get(HISTORY_PARAMETER))
    except ValidationError:
        return None


def shorten(text: str) -> str:
    """A text of BIOMERO's as a line has it."""
    text = text.replace("\0", "").strip()
    return text if len(text) <= LONGEST_SAID else text[: LONGEST_SAID - 4] + " ..."
