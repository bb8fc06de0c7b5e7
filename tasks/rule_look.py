"""What a rule finds before anything is placed: which images are new to it, and how those stand that are not."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from prefect.client.orchestration import PrefectClient

from blocks.omero_failures import classify
from blocks.omero_session import OmeroSession
from contracts.analysis_run import AnalysisInputs
from contracts.batch.analysis_rule import AnalysisRule
from contracts.batch.rule_report import ImageCounts, RuleProblem, RunStanding
from contracts.failures import FailureError
from tasks.analysis_work import AnalysisSite
from tasks.plan_run import check_inputs, settle_workflow, takes_plates
from tasks.rule_evidence import find_results, find_taken
from tasks.rule_inputs import Key, Piece, find_watched
from tasks.rule_runs import PlacedByRule, read_rule_runs


class PieceStanding(StrEnum):
    """How an image stands with a rule; the words are the fields of `ImageCounts`."""

    RESULT = "results"
    DONE = "done"
    UNDER_WAY = "under_way"
    FAILED = "failed"
    NEW = "new"


@dataclass(frozen=True)
class RuleLook:
    """What is there. `new`: no run of the rule has taken it. `runs`: all of the rule's runs."""

    new: tuple[Piece, ...]
    images: ImageCounts
    runs: tuple[PlacedByRule, ...]
    problems: tuple[RuleProblem, ...]
    watched: frozenset[Key]

    def concerns(self, run: PlacedByRule) -> bool:
        """Whether a run took anything of what is watched; another rule may apply the same workflow elsewhere."""
        return bool(run.keys & self.watched)


async def look_at_rule(
    site: AnalysisSite, session: OmeroSession, client: PrefectClient, rule: AnalysisRule, batch: UUID | None = None
) -> RuleLook:
    """Check the rule, then look; nothing is placed. `batch`: what that one has placed already counts as new.

    Raises:
        FailureError: what `settle_workflow`, `check_inputs` and a login raise.
    """
    settled = await asyncio.to_thread(settle_workflow, rule, site.catalogue, site.cluster)
    if rule.datasets or rule.projects:
        check_inputs(rule.workflow.name, settled, AnalysisInputs(datasets=rule.datasets or rule.projects))
    runs = await read_rule_runs(client, rule.token)
    try:
        return await asyncio.to_thread(_look, session, rule, runs, takes_plates(settled), batch)
    except FailureError:
        raise
    except Exception as error:
        raise classify(error, "look for new images") from error


def _look(
    session: OmeroSession, rule: AnalysisRule, runs: Sequence[PlacedByRule], whole_plates: bool, batch: UUID | None
) -> RuleLook:
    watched = find_watched(session, rule, whole_plates=whole_plates)
    images = frozenset(image for piece in watched.pieces for image in piece.images)
    results = find_results(session.gateway, images)
    taken = find_taken(session.gateway, rule.token, images)
    standings = judge_pieces(watched.pieces, runs, results=results, taken=taken)
    ours = {key for run in runs if batch is not None and run.is_of(batch) for key in run.keys}
    counts: Counter[PieceStanding] = Counter()
    for piece, standing in standings.items():
        counts[PieceStanding.NEW if piece.key in ours else standing] += len(piece.images)
    return RuleLook(
        new=tuple(piece for piece in watched.pieces if standings[piece] is PieceStanding.NEW),
        images=ImageCounts(**{standing.value: counts[standing] for standing in PieceStanding}),
        runs=tuple(runs),
        problems=watched.problems,
        watched=frozenset(piece.key for piece in watched.pieces),
    )


def judge_pieces(
    pieces: Iterable[Piece], runs: Iterable[PlacedByRule], *, results: Collection[int], taken: Collection[int]
) -> dict[Piece, PieceStanding]:
    """How each piece stands. Of several runs that took it the one counts that is under way, then one that succeeded.

    `taken`: images that say so themselves; it is all that is left when Prefect's history was cleared.
    """
    runs_of: dict[Key, set[RunStanding]] = {}
    for run in runs:
        for key in run.keys:
            runs_of.setdefault(key, set()).add(run.standing)

    def judge(piece: Piece) -> PieceStanding:
        if any(image in results for image in piece.images):
            return PieceStanding.RESULT
        standings = runs_of.get(piece.key, set())
        if RunStanding.UNDER_WAY in standings:
            return PieceStanding.UNDER_WAY
        if RunStanding.SUCCEEDED in standings:
            return PieceStanding.DONE
        if standings:
            return PieceStanding.FAILED
        return PieceStanding.DONE if any(image in taken for image in piece.images) else PieceStanding.NEW

    return {piece: judge(piece) for piece in pieces}
