"""What changed between two records, or two versions of a form, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field

from contracts.base import Contract
from contracts.forms.form_values import find_title

#: Characters of a value that a difference shows.
LONGEST_SHOWN = 200


class Difference(Contract):
    """One place that changed; `before` or `after` is None where there was, or is, nothing."""

    path: Annotated[tuple[str | int, ...], Field(strict=False)]
    where: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        if self.before is None:
            return f"{self.where}: {self.after} (new)"
        if self.after is None:
            return f"{self.where}: {self.before} (removed)"
        return f"{self.where}: {self.before} -> {self.after}"


def compare_values(
    schema: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[Difference, ...]:
    """The differences of two records, by the titles of the newer one's form."""
    return tuple(
        Difference(path=path, where=find_title(schema, path), before=_show(old), after=_show(new))
        for path, old, new in _differences((), before, after)
    )


def compare_schemas(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """Sentences for what changed of a form: fields first, then the rest of them, then everything else by its path."""
    sentences: list[str] = []
    _compare_fields("", before, after, sentences)
    others = [
        (path, old, new)
        for path, old, new in _differences((), before, after)
        if "properties" not in path and path[:1] != ("required",)
    ]
    for path, old, new in others:
        where = " > ".join(str(step) for step in path)
        sentences.append(str(Difference(path=path, where=where, before=_show(old), after=_show(new))))
    return tuple(sentences)


def _compare_fields(group: str, before: Mapping[str, Any], after: Mapping[str, Any], sentences: list[str]) -> None:
    old, new = _fields(before), _fields(after)
    for name in [*old, *(name for name in new if name not in old)]:
        title = group + _title(name, (new if name in new else old)[name])
        if name not in new:
            sentences.append(f"{title!r} was removed.")
        elif name not in old:
            needed = " and must be filled in" if name in _required(after) else ""
            sentences.append(f"{title!r} is new{needed}.")
        else:
            if (name in _required(before)) != (name in _required(after)):
                must = "must now be filled in" if name in _required(after) else "may now be left out"
                sentences.append(f"{title!r} {must}.")
            _compare_field(title, old[name], new[name], sentences)


def _compare_field(title: str, old: Any, new: Any, sentences: list[str]) -> None:
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        if old != new:
            sentences.append(f"{title!r} changed.")
        return
    for keyword in dict.fromkeys((*old, *new)):
        if keyword in ("properties", "required", "items") or old.get(keyword) == new.get(keyword):
            continue
        if isinstance(old.get(keyword), list) and isinstance(new.get(keyword), list):
            gone = [item for item in old[keyword] if item not in new[keyword]]
            come = [item for item in new[keyword] if item not in old[keyword]]
            parts = [f"without {_list(gone)}"] * bool(gone) + [f"now with {_list(come)}"] * bool(come)
            sentences.append(f"{title!r}: {_WORDS.get(keyword, keyword)} {', '.join(parts) or 'in another sequence'}.")
            continue
        was, now = (None if part.get(keyword) is None else _show(part[keyword]) for part in (old, new))
        change = f"{was} -> {now}" if was and now else f"{now} (new)" if now else f"{was} (removed)"
        sentences.append(f"{title!r}: {_WORDS.get(keyword, keyword)} {change}.")
    _compare_fields(f"{title} > ", old, new, sentences)
    if old.get("items") != new.get("items"):
        _compare_field(f"{title} > entry", old.get("items"), new.get("items"), sentences)


def _differences(path: tuple[str | int, ...], before: Any, after: Any) -> Iterator[tuple[Any, Any, Any]]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys((*before, *after)):
            yield from _differences((*path, key), before.get(key), after.get(key))
    elif isinstance(before, list) and isinstance(after, list):
        for number in range(max(len(before), len(after))):
            old, new = (items[number] if number < len(items) else None for items in (before, after))
            yield from _differences((*path, number), old, new)
    elif not _same(before, after):
        yield path, before, after


def _same(before: Any, after: Any) -> bool:
    return bool(before == after and isinstance(before, bool) == isinstance(after, bool))


def _show(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        text = ", ".join(f"{key}: {_show(member)}" for key, member in value.items())
    elif isinstance(value, list):
        text = ", ".join(str(_show(member)) for member in value)
    else:
        text = str(value)
    text = text or "(empty)"
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


def _list(values: list[Any]) -> str:
    return ", ".join(repr(value) for value in values)


def _fields(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    fields = schema.get("properties")
    return fields if isinstance(fields, Mapping) else {}


def _required(schema: Mapping[str, Any]) -> list[Any]:
    required = schema.get("required")
    return required if isinstance(required, list) else []


def _title(name: str, schema: Any) -> str:
    title = schema.get("title") if isinstance(schema, Mapping) else None
    return title if isinstance(title, str) and title else name


#: JSON Schema's keywords as people say them.
_WORDS = {
    "title": "title",
    "description": "description",
    "type": "kind",
    "enum": "choices",
    "default": "default",
    "minimum": "smallest value",
    "maximum": "largest value",
    "pattern": "pattern",
    "unit": "unit",
    "x-unit": "unit",
}
