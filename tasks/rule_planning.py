"""The runs that a rule's new images become: each is checked as a person's run is."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence

from blocks.omero_session import OmeroSession
from contracts.analysis_run import AnalysisRun
from contracts.batch.analysis_rule import AnalysisRule
from contracts.batch.rule_report import RuleProblem
from contracts.failures import Failure, FailureCategory, FailureError
from tasks.analysis_work import AnalysisSite
from tasks.plan_run import make_plan
from tasks.rule_inputs import Piece

#: Of a run that is refused for one of these, some images may be well: its halves are tried.
OF_SOME_IMAGES = frozenset(
    {
        FailureCategory.UNKNOWN_INPUT,
        FailureCategory.UNUSABLE_INPUT,
        FailureCategory.BAD_REQUEST,
        FailureCategory.DESTINATION_NOT_WRITABLE,
        FailureCategory.FORM_NOT_AVAILABLE,
        FailureCategory.FILE_CHANGED,
        FailureCategory.FILE_NOT_FOUND,
        FailureCategory.FILE_NOT_READABLE,
    }
)
#: Refusals of one rule after which what is refused is not halved any more: then it is hardly some images.
MOST_REFUSALS = 200


class RulePlanning:
    """The planning of a rule's runs. `problems`: what cannot be placed, as far as it has been planned."""

    def __init__(self, site: AnalysisSite, session: OmeroSession, rule: AnalysisRule) -> None:
        self.problems: list[RuleProblem] = []
        self._site = site
        self._session = session
        self._rule = rule
        self._refusals = 0

    async def runs(self, pieces: Sequence[Piece]) -> AsyncIterator[tuple[AnalysisRun, int]]:
        """Runs that are good to be placed, with how many images each takes; every other piece is a problem.

        Raises:
            FailureError: what concerns no image: somebody who is away.
        """
        parts = deque(split_pieces(pieces, self._rule.images_per_run))
        while parts:
            part = parts.popleft()
            run, images = run_of(self._rule, part), sum(len(piece.images) for piece in part)
            try:
                await self._check(run)
            except FailureError as error:
                if error.failure.retryable:
                    raise
                parts.extendleft(reversed(self._refuse(part, images, error.failure)))
            else:
                yield run, images

    async def _check(self, run: AnalysisRun) -> None:
        """Plan it in its user's session, as the run itself will; whatever is wrong with it is said now."""
        work = self._site.work(run, self._session)
        await work.in_thread(make_plan, work)

    def _refuse(self, part: list[Piece], images: int, failure: Failure) -> list[list[Piece]]:
        """The halves that are to be tried; none: all of it is refused."""
        self._refusals += 1
        if len(part) > 1 and failure.category in OF_SOME_IMAGES and self._refusals <= MOST_REFUSALS:
            middle = len(part) // 2
            return [part[:middle], part[middle:]]
        self.problems.append(RuleProblem(where=name_pieces(part), failure=failure, images=images))
        return []


def run_of(rule: AnalysisRule, part: Sequence[Piece]) -> AnalysisRun:
    """The run that takes these pieces."""
    images = [image for piece in part if piece.plate is None for image in piece.images]
    return rule.make_run(images, [piece.plate for piece in part if piece.plate is not None])


def split_pieces(pieces: Sequence[Piece], most: int) -> Iterator[list[Piece]]:
    """Parts of at most so many images, images and plates apart; a plate with more is a part of its own."""
    for of_plates in (False, True):
        part: list[Piece] = []
        for piece in pieces:
            if (piece.plate is not None) is not of_plates:
                continue
            if part and sum(len(other.images) for other in (*part, piece)) > most:
                yield part
                part = []
            part.append(piece)
        if part:
            yield part


def name_pieces(part: Sequence[Piece]) -> str:
    """`Image 5, Image 6 and 3 more`."""
    named = ", ".join(f"{kind} {id}" for kind, id in (piece.key for piece in part[:3]))
    return named + (f" and {len(part) - 3:,} more" if len(part) > 3 else "")
