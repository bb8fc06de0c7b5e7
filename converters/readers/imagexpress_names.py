"""Names of an ImageXpress plate's files: `<plate>_<well>[_s<site>][_w<wavelength>][<uuid>].TIF`.

MetaXpress leaves out the site of plates with one site a well, and the wavelength of plates with one
wavelength; an export without identities leaves out the UUID. Thumbnails (`..._thumb<uuid>.TIF`) are
no planes. Time points and z steps are folders: `TimePoint_<n>` and `ZStep_<n>`. Rows are capitals and
the marks `s` and `w` are not, which alone keeps wavelength `w10` from being well W10.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = re.compile(
    r"(?P<plate>.+)_(?P<row>[A-Z]{1,2})(?P<column>\d{2})(?:_s(?P<site>\d{1,6}))?(?:_w(?P<wave>\d{1,6}))?"
    r"(?P<uuid>[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})?\.[Tt][Ii][Ff]{1,2}",
    re.DOTALL | re.ASCII,
)


@dataclass(frozen=True)
class FieldName:
    """A plane's place: `row` and `column` from 0, `site` and `wavelength` from 1 as the name has them."""

    plate: str
    row: int
    column: int
    site: int
    wavelength: int


def parse_field_name(name: str) -> FieldName | None:
    """The place that a file's name tells, None when the name is not of this kind."""
    found = _NAME.fullmatch(name)
    if found is None or int(found["column"]) < 1:
        return None
    return FieldName(
        found["plate"],
        row_index(found["row"]),
        int(found["column"]) - 1,
        int(found["site"] or 1),
        int(found["wave"] or 1),
    )


def row_index(letters: str) -> int:
    """A is 0, Z is 25, AA is 26."""
    index = 0
    for letter in letters.upper():
        index = index * 26 + ord(letter) - ord("A") + 1
    return index - 1


def well_name(row: int, column: int) -> str:
    """`A01` for row 0, column 0; the inverse of `row_index` for the letters."""
    letters, row = "", row + 1
    while row:
        row, letter = divmod(row - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return f"{letters}{column + 1:02}"
