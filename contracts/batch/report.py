"""What a batch did, for the person who reads it in the morning."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from contracts.base import Contract, Moment, Token
from contracts.batch.causes import Cause, Count, group_causes, say_count
from contracts.batch.manifest import RowProblem
from contracts.failures import Failure
from contracts.import_order import LoginName
from contracts.import_report import FileState, ImportReport

#: Files that are listed one by one in a published report, those that did not become images first; counts are of all.
MOST_LISTED = 10_000


def batch_report_key(run: UUID) -> str:
    """Key of the artifact that holds the report of a batch's flow run."""
    return f"batch-report-{run}"


class BatchPart(Contract):
    """What the batch did for one user in one group at one destination.

    `report` lists what failed, and the first of what was imported or cancelled; files that an earlier batch had
    imported are counted in `there`. It may list less than the counts say.
    """

    user: LoginName
    group: LoginName
    report: ImportReport
    imported: Count = 0
    there: Count = 0
    failed: Count = 0
    cancelled: Count = 0
    #: Bytes of the files that OMERO links to since this batch.
    taken_in: Count = 0


class SourceProblem(Contract):
    """A source that could not be read, or a row of it that cannot be imported."""

    source: str
    problem: RowProblem | Failure

    @property
    def failure(self) -> Failure:
        return self.problem.failure if isinstance(self.problem, RowProblem) else self.problem

    @property
    def where(self) -> str:
        if isinstance(self.problem, Failure):
            return self.source
        column = "" if self.problem.column is None else f", {self.problem.column}"
        return f"{self.source}, line {self.problem.line}{column}"


class BatchReport(Contract):
    """The batch's end. `placed`: orders of a BIOMERO database, which are runs of their own."""

    run: Token
    title: str
    began: Moment
    ended: Moment
    parts: Annotated[tuple[BatchPart, ...], Field(strict=False)] = ()
    problems: Annotated[tuple[SourceProblem, ...], Field(strict=False)] = ()
    placed: Count = 0
    #: All causes, where `parts` lists not all that failed.
    grouped: Annotated[tuple[Cause, ...], Field(strict=False)] = ()
    #: Why the report could not be sent by e-mail; the batch is none the worse for it.
    mail: Failure | None = None

    @property
    def imported(self) -> int:
        return sum(part.imported for part in self.parts)

    @property
    def there(self) -> int:
        return sum(part.there for part in self.parts)

    @property
    def failed(self) -> int:
        return sum(part.failed for part in self.parts)

    @property
    def is_complete(self) -> bool:
        """Whether nothing failed and every source was read."""
        forms = any(form.failure is not None for part in self.parts for form in part.report.forms)
        return not self.failed and not self.problems and not forms

    @property
    def summary(self) -> str:
        text = f"{say_count(self.imported, 'file')} imported, {self.there:,} were there"
        cancelled = sum(part.cancelled for part in self.parts)
        text += f", {self.failed:,} failed" if self.failed else ""
        text += f", {cancelled:,} cancelled" if cancelled else ""
        text += f", {say_count(len(self.problems), 'problem')} with the sources" if self.problems else ""
        text += f", {say_count(self.placed, 'order')} of BIOMERO placed" if self.placed else ""
        return text

    def causes(self) -> tuple[Cause, ...]:
        """Why things failed, the most frequent cause first."""
        return self.grouped or group_causes((where, failure, 1) for where, failure in self.failures())

    def failures(self) -> list[tuple[str, Failure]]:
        """Each that is listed, with where it was."""
        found = [(problem.where, problem.failure) for problem in self.problems]
        found += [("the report by e-mail", self.mail)] if self.mail is not None else []
        for part in self.parts:
            found += [
                (f"{part.group}/{file.path}", file.failure)
                for file in part.report.files
                if file.failure is not None and file.state is FileState.FAILED
            ]
            found += [
                (f"form {form.form}, {part.report.destination}", form.failure)
                for form in part.report.forms
                if form.failure is not None
            ]
        return found
