"""What is wrong with a descriptor: where in the file, what, and what its author can do."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from contracts.base import Contract
from contracts.workflow_descriptor import WorkflowDescriptor


class Severity(StrEnum):
    #: The workflow cannot be run from this descriptor.
    ERROR = "error"
    #: It can; the reader should know what was left out, or understood otherwise than written.
    NOTE = "note"


class DescriptorProblem(Contract):
    """`where` is a path such as `inputs[3].default-value`, or a line and column where the text ends making sense."""

    severity: Annotated[Severity, Field(strict=False)]
    where: str
    what: Annotated[str, Field(min_length=1)]
    next_step: Annotated[str, Field(min_length=1)]

    def __str__(self) -> str:
        return f"{self.where}: {self.what} {self.next_step}"


class ReadDescriptor(Contract):
    """A descriptor that was read: the workflow, unless there is an error, and every problem that was seen."""

    descriptor: WorkflowDescriptor | None
    problems: Annotated[tuple[DescriptorProblem, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if (self.descriptor is None) != bool(self.errors):
            raise ValueError("a descriptor has either errors or a workflow")
        return self

    @property
    def errors(self) -> tuple[DescriptorProblem, ...]:
        return tuple(problem for problem in self.problems if problem.severity is Severity.ERROR)

    @property
    def notes(self) -> tuple[DescriptorProblem, ...]:
        return tuple(problem for problem in self.problems if problem.severity is Severity.NOTE)


class Problems:
    """Gathers what the parsers see, so that an author learns everything at once."""

    def __init__(self) -> None:
        self._seen: list[DescriptorProblem] = []

    def error(self, where: str, what: str, next_step: str) -> None:
        self._add(Severity.ERROR, where, what, next_step)

    def note(self, where: str, what: str, next_step: str) -> None:
        self._add(Severity.NOTE, where, what, next_step)

    @property
    def seen(self) -> tuple[DescriptorProblem, ...]:
        return tuple(self._seen)

    @property
    def has_errors(self) -> bool:
        return any(problem.severity is Severity.ERROR for problem in self._seen)

    def _add(self, severity: Severity, where: str, what: str, next_step: str) -> None:
        self._seen.append(DescriptorProblem(severity=severity, where=where, what=what, next_step=next_step))
