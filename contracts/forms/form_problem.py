"""What is wrong with a form or with what was filled in: where, what, and what to do."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.base import Contract


class FormProblem(Contract):
    """`path` leads to the value from the outermost group of fields; `where` is the same by the fields' titles."""

    path: Annotated[tuple[str | int, ...], Field(strict=False)] = ()
    where: str
    what: Annotated[str, Field(min_length=1)]
    next_step: Annotated[str, Field(min_length=1)]

    def __str__(self) -> str:
        return f"{self.where}: {self.what} {self.next_step}"
