"""Names of files on the cluster: plain, so that no workflow stumbles over them, and no two alike."""

from __future__ import annotations

import re
import unicodedata

#: Characters of the longest name.
LONGEST = 200
_ENDING = re.compile(r"(\.companion)?(\.ome)?\.[A-Za-z][A-Za-z0-9]{0,4}$")
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9.-]+")


def staged_name(image: int, name: str, ending: str) -> str:
    """`<image id>_<plain name>.<ending>`, at most `LONGEST` characters; the id keeps names apart.

    The ending that the name has goes: `cells.lif` written as TIFF is no LIF.
    """
    head, tail = f"{image}_", f".{_plain(ending)}"
    room = LONGEST - len(head) - len(tail)
    return head + (_plain(_ENDING.sub("", name))[:room].rstrip("._-") or "image") + tail


def plate_name(plate: int, name: str) -> str:
    """`plate-<id>_<plain name>.ome.zarr`: no number is in front, because that would be an image's id."""
    head, tail = f"plate-{plate}_", ".ome.zarr"
    return head + (_plain(_ENDING.sub("", name))[: LONGEST - len(head) - len(tail)].rstrip("._-") or "plate") + tail


def attachment_name(annotation: int, name: str, taken: set[str]) -> str:
    """The file's own name made plain; with its annotation's id in front while the name is `taken` (case aside)."""
    plain = _plain(name)
    if len(plain) > LONGEST:
        stem, dot, ending = plain.rpartition(".")
        ending = f"{dot}{ending}" if len(ending) <= 20 else ""
        plain = (stem or plain)[: LONGEST - len(ending)] + ending
    plain = plain.lstrip("._-") or "file"
    while plain.lower() in taken:
        plain = f"{annotation}_{plain}"[:LONGEST]
    return plain


def _plain(text: str) -> str:
    """ASCII letters, digits, dots and dashes; accents go, everything else becomes one `_`."""
    letters = "".join(
        character for character in unicodedata.normalize("NFKD", text) if not unicodedata.combining(character)
    )
    return _NOT_PLAIN.sub("_", letters).strip("._-")
