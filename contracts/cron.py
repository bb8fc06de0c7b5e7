"""Cron lines as sites write them: five fields, read with what is wrong in which, and when they come next.

The moments are those that Prefect starts runs at: the days of a month and the days of the week are alternatives where
both are given, and clocks that are put forward or back count as the wall shows them. Prefect takes more than these
five fields (`L`, `#`, names like `@daily`); what is not read here is Prefect's alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

#: A 29th of February may be eight years away.
_FARTHEST = timedelta(days=8 * 366)


class _Field(NamedTuple):
    """`names` stand for the numbers from `least` on."""

    word: str
    least: int
    most: int
    names: tuple[str, ...] = ()


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")),
    _Field("day of the week", 0, 7, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)


@dataclass(frozen=True)
class Cron:
    """What the five fields allow, each sorted. Days of the week count from Sunday, 0. `any_day`, `any_weekday`: the
    field says nothing, and the other one alone counts.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    any_day: bool
    any_weekday: bool

    def falls_on(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        in_month, in_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return in_month and in_week
        return in_month or in_week

    def moments(self, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
        """The moments after one, in UTC, as long as there are any within eight years."""
        day = first = after.astimezone(zone).date()
        while day - first <= _FARTHEST:
            if self.falls_on(day):
                walls = (
                    datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
                    for hour in self.hours
                    for minute in self.minutes
                )
                # An hour that the clocks leave out comes when they have been put forward.
                yield from (moment for moment in sorted({wall.astimezone(UTC) for wall in walls}) if moment > after)
            day += timedelta(days=1)


def read_cron(text: str) -> Cron:
    """
    Raises:
        ValueError: names every field that is not right, and what in it.
    """
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise ValueError(
            f"five fields are needed (minute, hour, day of the month, month, day of the week), not {len(parts)}"
        )
    read, wrong = [], []
    for field, part in zip(_FIELDS, parts, strict=True):
        try:
            read.append(_read_field(field, part))
        except ValueError as error:
            wrong.append(f"{field.word}: {error}")
    if wrong:
        raise ValueError("; ".join(wrong))
    minutes, hours, days, months, weekdays = read
    weekdays = tuple(sorted({day % 7 for day in weekdays}))
    said_day, said_weekday = parts[2], parts[4]
    cron = Cron(
        minutes,
        hours,
        days,
        months,
        weekdays,
        any_day=said_day == "*" or len(days) == 31 and "*" in said_weekday,
        any_weekday=said_weekday == "*" or len(weekdays) == 7 and "*" in said_day,
    )
    if next(cron.moments(ZoneInfo("UTC"), datetime(2000, 1, 1, tzinfo=UTC)), None) is None:
        raise ValueError("day of the month: no month that is named has such a day")
    return cron


def _read_field(field: _Field, text: str) -> tuple[int, ...]:
    """Of a list such as `1,8-17/2,*/10`."""
    allowed: set[int] = set()
    parts = text.split(",")
    if "*" in parts and len(parts) > 1:
        raise ValueError("'*' stands alone")
    for part in parts:
        span, slash, step = part.partition("/")
        begin, end = _read_span(field, span)
        if slash and begin == end:
            better = f"{begin}-{field.most}/{step[:4]}"
            raise ValueError(f"{part[:20]!r} needs a range before the step, for example {better}")
        if slash and (not _is_number(step) or not 1 <= int(step) <= field.most):
            raise ValueError(f"{step[:20]!r} is no step between 1 and {field.most}")
        allowed.update(range(begin, end + 1, int(step) if slash else 1))
    return tuple(sorted(allowed))


def _read_span(field: _Field, text: str) -> tuple[int, int]:
    if text == "*":
        return field.least, field.most
    first, dash, last = text.partition("-")
    begin = _read_value(field, first)
    end = _read_value(field, last) if dash else begin
    # From one to the same is every value for Prefect, and one value for most people.
    if dash and end <= begin:
        raise ValueError(f"{text[:20]!r} does not go upwards")
    return begin, end


def _read_value(field: _Field, text: str) -> int:
    if text.lower() in field.names:
        return field.least + field.names.index(text.lower())
    if not _is_number(text):
        names = f", nor a name ({field.names[0]}, {field.names[1]}, ...)" if field.names else ""
        raise ValueError(f"{text[:20]!r} is no number between {field.least} and {field.most}{names}")
    if not field.least <= int(text) <= field.most:
        raise ValueError(f"{text[:20]} is not between {field.least} and {field.most}")
    return int(text)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 4
