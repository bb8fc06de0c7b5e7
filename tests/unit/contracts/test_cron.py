"""Cron lines: what Prefect makes of them is what is told of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect.server.schemas.schedules import CronSchedule

from contracts.cron import read_cron
from contracts.cron_words import say_cron

ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kolkata")


def _field(least: int, most: int, names: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    value = st.integers(least, most)
    span = st.tuples(value, value).filter(lambda pair: pair[0] < pair[1]).map(lambda pair: f"{pair[0]}-{pair[1]}")
    stepped = st.tuples(st.one_of(st.just("*"), span), st.integers(1, most)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    part = st.one_of(value.map(str), span, stepped, *([st.sampled_from(names)] if names else []))
    return st.one_of(st.just("*"), st.lists(part, min_size=1, max_size=3).map(",".join))


LINES = st.tuples(
    _field(0, 59), _field(0, 23), _field(1, 28), _field(1, 12, ("feb", "OCT")), _field(0, 7, ("sun", "Fri"))
).map(" ".join)


@given(line=LINES, zone=st.sampled_from(ZONES), minutes=st.integers(0, 3 * 366 * 24 * 60))
def test_moments_are_those_at_which_prefect_starts_runs(line: str, zone: str, minutes: int) -> None:
    after = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    told = list(islice(read_cron(line).moments(ZoneInfo(zone), after), 3))
    schedule = CronSchedule(cron=line, timezone=zone)
    # Twice as many as are compared: around a change of the clocks Prefect's own sequence is not sorted.
    started = sorted(moment.astimezone(UTC) for moment in schedule._get_dates_generator(n=8, start=after))
    assert told == [moment for moment in started if moment > after][:3]


def test_days_of_the_month_and_of_the_week_are_alternatives() -> None:
    """As Prefect has them; a field that allows every day of the month counts where it is not an asterisk."""
    for line in ("0 0 13 * fri", "0 0 1-31 * mon", "0 0 */1 * mon", "0 0 1-31 * */2", "0 0 5 * 0-6", "0 0 29 2-3 *"):
        after = datetime(2026, 2, 20, 12, tzinfo=UTC)
        told = list(islice(read_cron(line).moments(ZoneInfo("UTC"), after), 6))
        started = CronSchedule(cron=line, timezone="UTC")._get_dates_generator(n=6, start=after)
        assert told == [moment.astimezone(UTC) for moment in started], line


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "five fields are needed (minute, hour, day of the month, month, day of the week), not 0"),
        ("0 1 * *", "five fields are needed (minute, hour, day of the month, month, day of the week), not 4"),
        ("@daily", "five fields are needed (minute, hour, day of the month, month, day of the week), not 1"),
        ("60 25 * * *", "minute: 60 is not between 0 and 59; hour: 25 is not between 0 and 23"),
        ("0 one * * *", "hour: 'one' is no number between 0 and 23"),
        ("0 1 * * mo", "day of the week: 'mo' is no number between 0 and 7, nor a name (sun, mon, ...)"),
        ("0 1 L * *", "day of the month: 'L' is no number between 1 and 31"),
        ("0 17-8 * * *", "hour: '17-8' does not go upwards"),
        ("0 8-8 * * *", "hour: '8-8' does not go upwards"),
        ("*/0 * * * *", "minute: '0' is no step between 1 and 59"),
        ("5/10 * * * *", "minute: '5/10' needs a range before the step, for example 5-59/10"),
        ("0 1 1,* * *", "day of the month: '*' stands alone"),
        ("0 1 31 2,4 *", "day of the month: no month that is named has such a day"),
        ("٣ 1 * * *", "minute: '٣' is no number between 0 and 59"),
        ("0 1,, * * *", "hour: '' is no number between 0 and 23"),
        ("0 -1 * * *", "hour: '' is no number between 0 and 23"),
    ],
)
def test_what_is_wrong_is_told_by_field(line: str, said: str) -> None:
    with pytest.raises(ValueError, match=".") as refused:
        read_cron(line)
    assert str(refused.value) == said


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """And what is read, Prefect reads too."""
    try:
        read_cron(text)
    except ValueError as error:
        assert str(error)
    else:
        CronSchedule(cron=text, timezone="UTC")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("0 1 * * *", "every day at 01:00"),
        ("17 3,15 * * *", "every day at 03:17 and 15:17"),
        ("30 22 * * mon-fri", "on Monday to Friday at 22:30"),
        ("0 6 * * 6,0", "on Saturday and Sunday at 06:00"),
        ("0 6 * * 0,1-2,5-7", "on Monday, Tuesday and Friday to Sunday at 06:00"),
        ("0 4 1 * *", "on day 1 of the month at 04:00"),
        ("0 4 1,15 1-3 *", "on day 1 and 15 of the month in January to March at 04:00"),
        ("0 4 13 * fri", "on day 13 of the month and on Friday at 04:00"),
        ("* * * * *", "every minute"),
        ("*/15 * * * *", "every 15 minutes"),
        ("*/15 8-17 * * 1-5", "on Monday to Friday every 15 minutes in the hours 8 to 17"),
        ("5 * * * *", "at minute 5 of every hour"),
        ("5,35 */2 * * *", "at minute 5 and 35 of every 2 hours"),
        ("0 1 * 12 *", "every day in December at 01:00"),
        ("7-40/7 * * * *", "at minute 7, 14, 21, 28 and 35 of every hour"),
    ],
)
def test_a_line_is_told_in_words(line: str, said: str) -> None:
    assert say_cron(read_cron(line)) == said
