"""Failures of a batch by their cause, for the person who has to do something about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from contracts.base import Contract
from contracts.failures import Failure, FailureCategory

#: What is named as examples of one cause.
MOST_EXAMPLES = 5

Count = Annotated[int, Field(ge=0)]


class Cause(Contract):
    """All that failed for one reason: what to do about it, and where some of it was."""

    category: Annotated[FailureCategory, Field(strict=False)]
    next_step: str
    count: Count
    examples: Annotated[tuple[tuple[str, str], ...], Field(strict=False)]


def group_causes(failures: Iterable[tuple[str, Failure, int]]) -> tuple[Cause, ...]:
    """Failures, each with where it was and how many things it struck; the most frequent cause comes first."""
    counts: Counter[tuple[FailureCategory, str]] = Counter()
    examples: dict[tuple[FailureCategory, str], list[tuple[str, str]]] = {}
    for where, failure, count in failures:
        cause = (failure.category, failure.next_step)
        counts[cause] += count
        if len(named := examples.setdefault(cause, [])) < MOST_EXAMPLES:
            named.append((where, failure.summary))
    return tuple(
        Cause(category=category, next_step=next_step, count=count, examples=tuple(examples[category, next_step]))
        for (category, next_step), count in counts.most_common()
    )


def say_count(count: int, what: str) -> str:
    """`1 file`, `1,200 files`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"
