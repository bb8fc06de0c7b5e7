"""Charts as SVG: what stands where. The template draws the rectangles; a table beside it says the same in numbers."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from omero_ui.runs.history import Day
from omero_ui.runs.standing import Look
from omero_ui.runs.storage_days import StorageDay

#: Units of the picture; it is scaled to the page's width.
WIDTH = 720
HEIGHT = 160
#: Of a day's place, what its bar fills.
_FILLED = 0.7
#: From the bottom of a bar upwards: what went well first.
_ORDER = (Look.DONE, Look.CANCELLED, Look.FAILED, Look.UNKNOWN, Look.RUNNING, Look.WAITING)


class Bar(BaseModel):
    """A rectangle, its look (a class of the style sheet), and what it says when pointed at."""

    model_config = ConfigDict(frozen=True)

    x: float
    y: float
    width: float
    height: float
    look: str
    said: str


class Chart(BaseModel):
    """`top`: the number at the upper edge."""

    model_config = ConfigDict(frozen=True)

    bars: tuple[Bar, ...]
    top: float
    width: int = WIDTH
    height: int = HEIGHT


def chart_of_states(days: Sequence[Day]) -> Chart:
    """A bar a day, a part a state."""
    top = max((day.total for day in days), default=0)
    bars = []
    for index, day in enumerate(days):
        below = 0
        for look in _ORDER:
            count = day.counts.get(look, 0)
            if count:
                said = f"{day.begin:%Y-%m-%d}: {count} {look.value}"
                bars.append(_bar(index, len(days), below / top, count / top, look.value, said))
            below += count
    return Chart(bars=tuple(bars), top=top)


def chart_of_times(days: Sequence[Day]) -> Chart:
    """A bar a day: how long runs waited, and on top of it how long they ran; means, in minutes."""
    top = max((day.waited + day.ran for day in days), default=0.0)
    bars = []
    for index, day in enumerate(days):
        for below, seconds, look, word in (
            (0.0, day.waited, "waiting", "waited"),
            (day.waited, day.ran, "running", "ran"),
        ):
            if seconds > 0:
                said = f"{day.begin:%Y-%m-%d}: {word} {seconds / 60:.1f} min"
                bars.append(_bar(index, len(days), below / top, seconds / top, look, said))
    return Chart(bars=tuple(bars), top=round(top / 60, 1))


def chart_of_storage(days: Sequence[StorageDay]) -> Chart:
    """A bar a day: what was taken in, and on top of it what was sent out; in MiB."""
    top = max((day.taken_in + day.sent_out for day in days), default=0)
    bars = []
    for index, day in enumerate(days):
        for below, size, look, word in ((0, day.taken_in, "in", "in"), (day.taken_in, day.sent_out, "out", "out")):
            if size:
                said = f"{day.begin:%Y-%m-%d}: {size / 2**20:,.1f} MiB {word}"
                bars.append(_bar(index, len(days), below / top, size / top, look, said))
    return Chart(bars=tuple(bars), top=round(top / 2**20, 1))


def _bar(index: int, places: int, below: float, share: float, look: str, said: str) -> Bar:
    place = WIDTH / places
    return Bar(
        x=round(index * place + place * (1 - _FILLED) / 2, 2),
        y=round(HEIGHT * (1 - below - share), 2),
        width=round(place * _FILLED, 2),
        height=round(HEIGHT * share, 2),
        look=look,
        said=said,
    )
