"""What a rule watches in OMERO, as its user sees it now: images, and plates that are analysed whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from blocks.omero_session import OmeroSession
from contracts.batch.analysis_rule import AnalysisRule
from contracts.batch.rule_report import RuleProblem
from contracts.failures import FailureError
from tasks.analysis_inputs import check_seen
from tasks.input_queries import InputQueries

#: Kind and id of what a run takes as one.
Key = tuple[str, int]


@dataclass(frozen=True)
class Piece:
    """What a run takes as one: an image, or a plate with all of its images."""

    images: tuple[int, ...]
    plate: int | None = None

    @property
    def key(self) -> Key:
        return ("Image", self.images[0]) if self.plate is None else ("Plate", self.plate)


@dataclass(frozen=True)
class Watched:
    """All pieces, each once, the oldest first; and the containers that cannot be looked into."""

    pieces: tuple[Piece, ...]
    problems: tuple[RuleProblem, ...]


def find_watched(session: OmeroSession, rule: AnalysisRule, *, whole_plates: bool) -> Watched:
    """Look into every container of the rule; one that is gone is a problem, and the others are looked into.

    `whole_plates`: a plate is one piece; otherwise its images are pieces like others.

    Raises:
        FailureError: what a login raises.
    """
    session.log_in()
    return _Look(session).look(rule, whole_plates=whole_plates)


class _Look:
    def __init__(self, session: OmeroSession) -> None:
        self._session = session
        self._ask = InputQueries(session)
        self._problems: list[RuleProblem] = []

    def look(self, rule: AnalysisRule, *, whole_plates: bool) -> Watched:
        datasets = self._there("Dataset", rule.datasets)
        datasets |= self._ask.datasets_of_projects(self._there("Project", rule.projects))
        plates = self._there("Plate", rule.plates)
        plates |= self._ask.plates_of_screens(self._there("Screen", rule.screens))
        pieces = {Piece((image,)) for _, image in self._ask.links_of_datasets(datasets)}
        of_plates: dict[int, set[int]] = {}
        for field in self._ask.fields_of_plates(plates):
            of_plates.setdefault(field.plate, set()).add(field.image)
        for plate, images in of_plates.items():
            pieces |= {Piece(tuple(sorted(images)), plate)} if whole_plates else {Piece((image,)) for image in images}
        return Watched(tuple(sorted(pieces, key=lambda piece: piece.images)), tuple(self._problems))

    def _there(self, kind: str, ids: Iterable[int]) -> set[int]:
        """Those that are there for the user; the others are problems, one by one."""
        found = self._ask.containers(kind, ids)
        there = set()
        for id in dict.fromkeys(ids):
            try:
                check_seen(self._session, kind, [id], found)
            except FailureError as error:
                self._problems.append(RuleProblem(where=f"{kind} {id}", failure=error.failure))
            else:
                there.add(id)
        return there
