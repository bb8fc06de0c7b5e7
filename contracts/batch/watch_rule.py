"""A rule for a watched folder: which files count, when they have arrived, and what becomes of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from contracts.base import Contract, Pair
from contracts.batch.manifest import ManifestRow
from contracts.destination import Destination, DestinationType
from contracts.import_order import LoginName
from contracts.preprocessing import Preprocessing
from contracts.source_file import check_relative_path

_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]{0,30})\}")
#: What a rule's path may have beside placeholders; the rest stands for itself.
_PIECE = re.compile(r"\{[a-z][a-z0-9_]{0,30}\}|\*")
_ANY_FOLDERS = "**"
#: Of an end marker: the image's name, without and with its ending.
_OF_THE_FILE = ("stem", "name")

RuleName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _-]{0,62}$")]
Template = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class WatchRule(Contract):
    """One rule. In `pattern`, `{word}` stands for one name of the path, or a part of it, and is a placeholder that the
    other fields may have; `*` for any part of a name; `**` for any folders.

    Whoever may write into a folder whose name is a placeholder for the user decides whose images they become, within
    the group. A placeholder never stands for an id or for more than one name of a path.
    """

    group: LoginName = Field(description="OMERO group in whose folder is watched, and whose images they become.")
    pattern: Template = Field(description="Path inside the group's folder, such as `scope/{user}/{day}/**/*.tif`.")
    user: Template = Field(description="Whose images they become: a login name, or `{user}`.")
    dataset: Template | None = Field(default=None, description="Name of the dataset, found or made: `{day}`.")
    project: Template | None = Field(default=None, description="Name of the dataset's project.")
    screen: Template | None = Field(default=None, description="Name of the screen, for plates; instead of a dataset.")
    preprocessing: Preprocessing | None = Field(default=None, description="How the files are converted.")
    key_values: Annotated[tuple[Pair, ...], Field(strict=False)] = Field(
        default=(), description="Written on every image; the values may have placeholders."
    )
    settle_minutes: float = Field(
        default=15.0, ge=0, strict=False, description="A file has arrived when nothing changed it for so long."
    )
    end_marker: Template | None = Field(
        default=None,
        description="Name of a file beside the image that says that the acquisition has ended, such as `{stem}.done`;"
        " then nothing else does.",
    )
    look_back_days: float = Field(
        default=30.0, gt=0, strict=False, description="Files that arrived earlier are left alone."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.dataset is None) == (self.screen is None):
            raise ValueError("give either a dataset or a screen")
        if self.screen is not None and self.project is not None:
            raise ValueError("a screen is in no project")
        check_relative_path(_PLACEHOLDER.sub("x", self.pattern).replace("*", "x"))
        names = _PLACEHOLDER.findall(self.pattern)
        if len(set(names)) != len(names):
            raise ValueError("a placeholder is in the pattern twice")
        if any(part.startswith(".") for part in self.pattern.split("/")):
            raise ValueError("hidden files are not watched")
        if any("**" in part and part != _ANY_FOLDERS for part in self.pattern.split("/")):
            raise ValueError("** stands between slashes, for any folders")
        if self.pattern.endswith(_ANY_FOLDERS):
            raise ValueError("the pattern ends with the name of a file, such as *.tif")
        texts = [self.user, self.dataset, self.project, self.screen, *(value for _, value in self.key_values)]
        for text in filter(None, texts):
            _check_template(text, names)
        if self.end_marker is not None:
            _check_template(self.end_marker, list(_OF_THE_FILE))
            if "/" in self.end_marker or self.end_marker in {".", ".."}:
                raise ValueError("the end marker lies beside the image")
        return self

    @property
    def start(self) -> str:
        """The folder below which every match lies, inside the group's folder; empty for that itself."""
        fixed = []
        for part in self.pattern.split("/")[:-1]:
            if _PIECE.search(part):
                break
            fixed.append(part)
        return "/".join(fixed)

    def match(self, path: str) -> dict[str, str] | None:
        """The placeholders' values for a path inside the group's folder; None when the rule is not for it."""
        found = _expression(self.pattern).fullmatch(path)
        return None if found is None else found.groupdict()

    def make_row(self, path: str, values: Mapping[str, str], line: int = 1) -> ManifestRow:
        """What a file that has arrived becomes.

        Raises:
            ValueError: a placeholder's value is no login name, or too long for a name in OMERO.
        """
        if self.screen is not None:
            destination = Destination(type=DestinationType.SCREEN, name=_fill(self.screen, values))
        else:
            destination = Destination(
                type=DestinationType.DATASET,
                name=_fill(str(self.dataset), values),
                project=None if self.project is None else _fill(self.project, values),
            )
        return ManifestRow(
            line=line,
            path=path,
            user=_fill(self.user, values),
            group=self.group,
            destination=destination,
            preprocessing=self.preprocessing,
            key_values=tuple((key, _fill(value, values)) for key, value in self.key_values),
        )

    def marker_of(self, name: str) -> str | None:
        """Name of the file that says that the image `name` is whole; None when the rule needs none."""
        if self.end_marker is None:
            return None
        return _fill(self.end_marker, {"name": name, "stem": name.partition(".")[0] or name})


def _check_template(text: str, names: list[str]) -> None:
    bare = _PLACEHOLDER.sub("", text)
    if "{" in bare or "}" in bare:
        raise ValueError(f"{text!r} has a brace that belongs to no placeholder")
    unknown = sorted(set(_PLACEHOLDER.findall(text)) - set(names))
    if unknown:
        raise ValueError(f"{text!r} names {', '.join(unknown)}, which the pattern does not have")


def _fill(text: str, values: Mapping[str, str]) -> str:
    """In one pass: a value that looks like a placeholder stays as it is."""
    return _PLACEHOLDER.sub(lambda found: values[found.group(1)], text)


@lru_cache
def _expression(pattern: str) -> re.Pattern[str]:
    parts = [r"(?:[^/]+/)*" if part == _ANY_FOLDERS else _part_expression(part) + "/" for part in pattern.split("/")]
    return re.compile("".join(parts).removesuffix("/"), re.DOTALL)


def _part_expression(part: str) -> str:
    made, at = [], 0
    for piece in _PIECE.finditer(part):
        made.append(re.escape(part[at : piece.start()]))
        made.append("[^/]*" if piece.group() == "*" else f"(?P<{piece.group()[1:-1]}>[^/]+?)")
        at = piece.end()
    return "".join([*made, re.escape(part[at:])])
