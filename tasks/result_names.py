"""The name of a result image in OMERO, from the user's pattern."""

from __future__ import annotations

from contracts.failures import FailureCategory, fail
from contracts.result_pattern import parse_pattern
from tasks.result_inputs import stem_of

#: Characters that OMERO keeps of an image's name.
LONGEST_NAME = 255


def split_name(file_name: str) -> tuple[str, str]:
    """A file's name and its extension without the dot; `a.ome.tif` is `a` and `ome.tif`."""
    stem = stem_of(file_name)
    return stem, file_name[len(stem) + 1 :]


def image_name(pattern: str, result: str, original: str | None) -> str:
    """The image's name, at most 255 characters: a longer one loses characters before its extension.

    `result` is the result's file name, `original` that of the file its input was imported from. The dot before an
    extension that a file does not have goes with it.

    Raises:
        FailureError: BAD_REQUEST, as `check_pattern`, and when a pattern leaves nothing but blanks.
    """
    file, extension = split_name(result)
    original_file, original_extension = split_name(original if original is not None else result)
    values = {
        "original_file": original_file,
        "original_ext": original_extension,
        "file": file,
        "ext": extension,
    }
    name = ""
    for literal, placeholder in parse_pattern(pattern):
        name += literal
        if placeholder is not None:
            value = values[placeholder]
            name = name.removesuffix(".") if not value and placeholder.endswith("ext") else name + value
    name = "".join(character if character.isprintable() else "_" for character in name).strip()
    if not name:
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"The pattern {pattern!r} gives {result!r} no name.",
            next_step="Use {file} in the pattern.",
        )
    if len(name) <= LONGEST_NAME:
        return name
    end = f".{extension}" if extension and name.endswith(f".{extension}") and len(extension) < 32 else ""
    return name[: LONGEST_NAME - len(end) - 1] + "…" + end
