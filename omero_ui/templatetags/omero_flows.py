"""What templates say: moments, durations, and the addresses of our own files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from django import template
from django.templatetags.static import static
from django.utils.html import format_html

from contracts.forms.chunks import Rows
from contracts.forms.key_values import key_values

register = template.Library()

_BUILT = Path(__file__).resolve().parents[1] / "static" / "omero_ui"


def duration(seconds: float | Literal[""] | None) -> str:
    """`2 min`, `1 h 20 min`, `3 d 4 h`; a dash where there is none."""
    if seconds is None or seconds == "":  # a template's word for what is not there
        return "–"
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    hours = round(minutes / 60)
    return f"{hours // 24} d {hours % 24} h"


def moment(when: datetime | None) -> str:
    """A moment that the browser shows in its own zone and words, with the exact time as a tooltip."""
    if when is None:
        return "–"
    exact = when.astimezone(UTC)
    shown: str = format_html(
        '<time datetime="{}" title="{}">{}</time>',
        exact.isoformat(timespec="seconds"),
        f"{exact:%Y-%m-%d %H:%M:%S} UTC",
        f"{exact:%Y-%m-%d %H:%M} UTC",
    )
    return shown


def unlocalized(number: float) -> str:
    """A number as HTML attributes want it, with a point whatever the site's language."""
    return f"{number:.4g}"


def value_of(values: Mapping[Any, int], key: object) -> int:
    """What a mapping counts of a key; 0 where it has none."""
    return values.get(key, 0)


def asset(name: str) -> str:
    """The address of a file that `make set-up` built; it changes with the content, so browsers may keep it."""
    return f"{static(f'omero_ui/{name}')}?{_digest(name)}"


@lru_cache
def _digest(name: str) -> str:
    # A template's SafeString is no part of a Path: pathlib takes only plain strings.
    return hashlib.sha256(Path(f"{_BUILT}/{name}").read_bytes()).hexdigest()[:12]


def named(names: Mapping[int, str], number: int) -> str:
    """The name that belongs to an id."""
    return names.get(number, str(number))


def pairs(values: Mapping[str, Any]) -> Rows:
    """What was filled in as names and values, to read."""
    return key_values(values)


register.filter("duration", duration)
register.filter("unlocalized", unlocalized)
register.filter("value_of", value_of)
register.filter("named", named)
register.filter("pairs", pairs)
register.simple_tag(moment, name="moment")
register.simple_tag(asset, name="asset")
