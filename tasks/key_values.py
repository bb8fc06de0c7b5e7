"""Key-value pairs that fit OMERO: values too long for its index are split, never dropped."""

from __future__ import annotations

from collections.abc import Iterable

from omero.model import MapAnnotationI, NamedValue
from omero.rtypes import rstring

#: PostgreSQL refuses an index entry above a third of a page (about 2,700 bytes), and OMERO indexes
#: the names and values of map annotations. Bytes of UTF-8, with room to spare.
LONGEST_VALUE = 2000
LONGEST_KEY = 200

Pairs = tuple[tuple[str, str], ...]


def split_value(value: str, limit: int = LONGEST_VALUE) -> list[str]:
    """Cut a text into parts of at most `limit` bytes of UTF-8, never inside a character."""
    parts: list[str] = []
    rest = value.encode("utf-8", "backslashreplace")
    while len(rest) > limit:
        end = limit
        while rest[end] & 0xC0 == 0x80:
            end -= 1
        parts.append(rest[:end].decode("utf-8"))
        rest = rest[end:]
    return [*parts, rest.decode("utf-8")]


def fit(pairs: Iterable[tuple[str, str]]) -> Pairs:
    """Pairs that OMERO can index: `Files` with a long value becomes `Files`, `Files [2]`, `Files [3]`, ...

    A key that is too long is shortened with an ellipsis, and stands in full before its value. NUL,
    which PostgreSQL cannot store, becomes U+FFFD.
    """
    fitting: list[tuple[str, str]] = []
    for key, value in pairs:
        name, text = key.replace("\0", "\ufffd"), value.replace("\0", "\ufffd")
        if len(name.encode("utf-8", "backslashreplace")) > LONGEST_KEY:
            name, text = split_value(name, LONGEST_KEY - 3)[0] + "…", f"{name}: {text}"
        for number, part in enumerate(split_value(text), start=1):
            fitting.append((name if number == 1 else f"{name} [{number}]", part))
    return tuple(fitting)


def map_annotation(namespace: str, pairs: Iterable[tuple[str, str]]) -> MapAnnotationI:
    """An unsaved MapAnnotation."""
    annotation = MapAnnotationI()
    annotation.setNs(rstring(namespace))
    annotation.setMapValue([NamedValue(key, value) for key, value in fit(pairs)])
    return annotation
