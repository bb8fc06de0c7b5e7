"""What a batch of analyses did, rule by rule, for the person who reads it in the morning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from contracts.base import Contract, Moment, Token
from contracts.batch.causes import Cause, Count, group_causes, say_count
from contracts.failures import Failure
from contracts.import_order import LoginName


def rule_report_key(batch: UUID) -> str:
    """Key of the artifact that holds the report of a batch's flow run."""
    return f"batch-analysis-report-{batch}"


class RunStanding(StrEnum):
    """How a run that a rule placed stands."""

    UNDER_WAY = "under way"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class RuleRun(Contract):
    """A run of a rule. `images`: how many it took. `said`: what it says of itself, in one line.

    `is_news`: it ended after the batch before this one had begun. `failure`: why it has not succeeded.
    """

    uuid: Token
    flow_run: Token
    title: str
    images: Count
    standing: Annotated[RunStanding, Field(strict=False)]
    said: str = ""
    is_news: bool = True
    failure: Failure | None = None

    @property
    def is_bad(self) -> bool:
        return self.standing in (RunStanding.FAILED, RunStanding.CANCELLED)


class RuleProblem(Contract):
    """What could not be looked at or placed: a container, or images. `images`: how many."""

    where: str
    failure: Failure
    images: Count = 0


class ImageCounts(Contract):
    """The images of what a rule watches. `results` are what analyses made; they are never analysed.

    Of the others: `done` were analysed, `under_way` are in runs that have not ended, `failed` in runs that did not
    succeed, and `new` no run has taken before this batch.
    """

    results: Count = 0
    done: Count = 0
    under_way: Count = 0
    failed: Count = 0
    new: Count = 0

    @property
    def named(self) -> dict[str, int]:
        """The counts by what people call them."""
        return {
            "New": self.new,
            "Under way": self.under_way,
            "Done": self.done,
            "Failed": self.failed,
            "Results, left alone": self.results,
        }


class RuleReport(Contract):
    """What the batch did for one rule.

    `placed` are the runs of new images, `retried` those that failed before and were started again. `earlier` are runs
    of other batches that are under way, have ended since the last one, or have failed.
    """

    rule: Token
    title: str
    user: LoginName
    group: LoginName
    images: ImageCounts = ImageCounts()
    placed: Annotated[tuple[RuleRun, ...], Field(strict=False)] = ()
    retried: Annotated[tuple[RuleRun, ...], Field(strict=False)] = ()
    earlier: Annotated[tuple[RuleRun, ...], Field(strict=False)] = ()
    problems: Annotated[tuple[RuleProblem, ...], Field(strict=False)] = ()

    @property
    def is_complete(self) -> bool:
        """Whether all that is new was placed, and no run has failed since the last batch."""
        return not self.problems and not any(run.is_bad and run.is_news for run in self.earlier)


class AnalysisBatchReport(Contract):
    """The batch's end; the runs that it placed go on."""

    batch: Token
    title: str
    began: Moment
    ended: Moment
    rules: Annotated[tuple[RuleReport, ...], Field(strict=False)] = ()
    #: Of the batch as a whole: the block of rules is not there.
    problems: Annotated[tuple[RuleProblem, ...], Field(strict=False)] = ()
    #: Why the report could not be sent by e-mail; the batch is none the worse for it.
    mail: Failure | None = None

    @property
    def placed(self) -> tuple[RuleRun, ...]:
        """Each once, also where two rules watch the same images."""
        return _once(run for rule in self.rules for run in rule.placed)

    @property
    def retried(self) -> tuple[RuleRun, ...]:
        return _once(run for rule in self.rules for run in rule.retried)

    @property
    def earlier(self) -> tuple[RuleRun, ...]:
        return _once(run for rule in self.rules for run in rule.earlier)

    @property
    def runs(self) -> dict[str, tuple[RuleRun, ...]]:
        """All runs that it tells of, by their heading; none is empty."""
        found = {"Placed": self.placed, "Tried again": self.retried, "Runs of earlier batches": self.earlier}
        return {heading: runs for heading, runs in found.items() if runs}

    @property
    def is_complete(self) -> bool:
        return not self.problems and all(rule.is_complete for rule in self.rules)

    @property
    def summary(self) -> str:
        """One line: what was placed, what was not, and how the runs of the last batch ended."""
        images = sum(run.images for run in self.placed)
        parts = [f"{say_count(images, 'new image')} in {say_count(len(self.placed), 'run')}"]
        parts += [f"{say_count(len(self.retried), 'failed run')} tried again"] if self.retried else []
        if refused := sum(problem.images for rule in self.rules for problem in rule.problems):
            parts.append(f"{say_count(refused, 'image')} could not be placed")
        others = [*self.problems, *(problem for rule in self.rules for problem in rule.problems if not problem.images)]
        parts += [say_count(len(others), "problem")] if others else []
        standings = Counter(run.standing for run in self.earlier if run.is_news)
        ended = [f"{count:,} {standing.value}" for standing in RunStanding if (count := standings[standing])]
        parts += [f"earlier runs: {', '.join(ended)}"] if ended else []
        return "; ".join(parts)

    def causes(self) -> tuple[Cause, ...]:
        """Why something could not be placed, or runs failed, counted in images; the most frequent cause first."""
        found = [(problem.where, problem.failure, problem.images or 1) for problem in self.problems]
        for rule in self.rules:
            found += [(f"{rule.title}: {item.where}", item.failure, item.images or 1) for item in rule.problems]
        found += [(run.title, run.failure, run.images) for run in self.earlier if run.failure is not None]
        found += [("the report by e-mail", self.mail, 1)] if self.mail is not None else []
        return group_causes(found)


def _once(runs: Iterable[RuleRun]) -> tuple[RuleRun, ...]:
    return tuple({run.uuid: run for run in runs}.values())
