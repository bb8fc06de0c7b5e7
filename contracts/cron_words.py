"""A cron line in words: `every day at 01:00`, `on Monday to Friday every 15 minutes in the hours 8 to 17`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from contracts.cron import Cron

_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
#: Times of day that are told one by one.
_MOST_TIMES = 6


def say_cron(cron: Cron) -> str:
    """When it comes, as a part of a sentence."""
    return " ".join(filter(None, (_days(cron), _months(cron), _times(cron))))


def _days(cron: Cron) -> str:
    month_days = f"on day {_span(cron.days, str)} of the month"
    week_days = f"on {_span(sorted(day or 7 for day in cron.weekdays), lambda day: _WEEKDAYS[day % 7])}"
    if cron.any_day and cron.any_weekday:
        return "every day" if _is_at_times(cron) or len(cron.months) < 12 else ""
    if cron.any_weekday:
        return month_days
    return week_days if cron.any_day else f"{month_days} and {week_days}"


def _months(cron: Cron) -> str:
    return "" if len(cron.months) == 12 else f"in {_span(cron.months, lambda month: _MONTHS[month - 1])}"


def _times(cron: Cron) -> str:
    if _is_at_times(cron):
        times = [f"{hour:02}:{minute:02}" for hour in cron.hours for minute in cron.minutes]
        return f"at {_list(times)}"
    hours = "" if len(cron.hours) == 24 else f" in the hours {_span(cron.hours, str)}"
    step = _step(cron.minutes, 60)
    if step == 1:
        return f"every minute{hours}"
    if step is not None:
        return f"every {step} minutes{hours}"
    minutes = f"at minute {_span(cron.minutes, str)}"
    hour_step = _step(cron.hours, 24)
    if hour_step is not None:
        return f"{minutes} of every {'hour' if hour_step == 1 else f'{hour_step} hours'}"
    return minutes + hours


def _is_at_times(cron: Cron) -> bool:
    return len(cron.minutes) * len(cron.hours) <= _MOST_TIMES


def _step(values: Sequence[int], turn: int) -> int | None:
    """The step with which these go round from 0 on; None when there is none."""
    step = values[1] - values[0] if len(values) > 1 else turn
    return step if step < turn and turn % step == 0 and list(values) == list(range(0, turn, step)) else None


def _span(values: Sequence[int], say: Callable[[int], str]) -> str:
    """`1, 3 and 8 to 17`: three and more that follow each other are told by their ends."""
    runs: list[list[int]] = []
    for value in values:
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    told: list[str] = []
    for run in runs:
        told += [f"{say(run[0])} to {say(run[-1])}"] if len(run) > 2 else map(say, run)
    return _list(told)


def _list(told: Sequence[str]) -> str:
    return told[0] if len(told) == 1 else f"{', '.join(told[:-1])} and {told[-1]}"
