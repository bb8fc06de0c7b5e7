"""The pattern that names result images in OMERO: what it may hold in braces."""

from __future__ import annotations

from string import Formatter

from contracts.failures import FailureCategory, fail

#: What a pattern may hold in braces, and what stands there.
PLACEHOLDERS = {
    "original_file": "the input's file name without extension (the result's own, when it has no single input)",
    "original_ext": "the input's extension",
    "file": "the result's file name without extension",
    "ext": "the result's extension",
}


def check_pattern(pattern: str) -> None:
    """Make sure that a pattern can name every image.

    Raises:
        FailureError: BAD_REQUEST; it lists the placeholders there are.
    """
    parse_pattern(pattern)


def parse_pattern(pattern: str) -> list[tuple[str, str | None]]:
    """Pairs of literal text and the placeholder behind it.

    Raises:
        FailureError: BAD_REQUEST; it lists the placeholders there are.
    """
    known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    try:
        parts = list(Formatter().parse(pattern))
    except ValueError as error:
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"The braces of the pattern {pattern!r} do not match.",
            detail=str(error),
            next_step=f"Use {known}; write {{{{ for a brace.",
        ) from error
    for _, placeholder, form, conversion in parts:
        if placeholder is not None and (placeholder not in PLACEHOLDERS or form or conversion):
            written = placeholder + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")
            raise fail(
                FailureCategory.BAD_REQUEST,
                f"The pattern {pattern!r} has {{{written}}}, which stands for nothing.",
                next_step=f"Use {known}.",
            )
    return [(literal, placeholder) for literal, placeholder, _, _ in parts]
