"""Names of a conversion's results: safe on every file system, at most 255 bytes, no two alike."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import count

from converters.partial_file import LONGEST_NAME

SUFFIX = ".ome.tiff"
#: Characters that Windows, macOS, shells or URLs of file managers take for something else.
_UNSAFE = frozenset('/\\:*?"<>|')
#: Extensions that a source's stem loses, longest first.
_EXTENSIONS = (".companion.ome", ".ome.tiff", ".ome.tif", ".ome.btf", ".ome.tf8", ".ome.tf2")
_DIGEST = 8


def stem(name: str) -> str:
    """A file's name without its image extension: `a.ome.tif` gives `a`, `genome.tif` gives `genome`."""
    lowered = name.lower()
    for extension in _EXTENSIONS:
        if lowered.endswith(extension) and len(name) > len(extension):
            return name[: -len(extension)]
    head, dot, _ = name.rpartition(".")
    return head if dot and head else name


def sanitise(text: str) -> str:
    """The text with unsafe and control characters as `_`, in Unicode's composed form, never blank.

    Leading dots (hidden files) and trailing dots and blanks (lost by Windows) go too.
    """
    composed = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode("utf-8"))
    safe = "".join(
        "_" if character in _UNSAFE or unicodedata.category(character) in {"Cc", "Cs", "Cn", "Zl", "Zp"} else character
        for character in composed
    )
    return safe.strip().rstrip(". ").lstrip(". ") or "_"


def output_bases(source: str, series: Sequence[str]) -> tuple[str, ...]:
    """The name before the suffix for each series of a file: `<stem>`, or with several `<stem>_<series>`.

    Series that would have the same name (case aside, and when shortened by `fit`) get `_2`, `_3`, ... in
    their order in the file.
    """
    base = sanitise(stem(source))
    if len(series) == 1:
        return (base,)
    taken: set[str] = set()
    bases = []
    for name in series:
        candidate = next(each for each in candidates(f"{base}_{sanitise(name)}") if fit(each).casefold() not in taken)
        taken.add(fit(candidate).casefold())
        bases.append(candidate)
    return tuple(bases)


def candidates(base: str) -> Iterator[str]:
    """`base`, `base_2`, `base_3`, ... without end."""
    yield base
    yield from (f"{base}_{number}" for number in count(2))


def fit(base: str) -> str:
    """`base` with the suffix, in at most `LONGEST_NAME` bytes of UTF-8.

    What is too long is cut between characters and gets a digest of the whole, so that names stay apart.
    """
    encoded = base.encode("utf-8")
    room = LONGEST_NAME - len(SUFFIX)
    if len(encoded) <= room:
        return base + SUFFIX
    digest = hashlib.sha256(encoded).hexdigest()[:_DIGEST]
    kept = encoded[: room - _DIGEST - 1].decode("utf-8", "ignore")
    return f"{kept}~{digest}{SUFFIX}"
