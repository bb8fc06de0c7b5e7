"""Where the managed repository puts the files of an import.

`template` is OMERO's `omero.fs.repo.path`: a root-owned and a user-owned part, divided by `//`, whose
`%terms%` are expanded for every import. Paths inside the repository are `/`-separated and relative
to its root.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

#: Parent folders of the client's path that are kept where the reader does not say how many it needs.
PARENT_FOLDERS_KEPT = 3

#: What OMERO replaces in file names when it follows the rules of Windows and UNIX (its default).
UNSAFE_CHARACTERS = re.compile(r'[\x00-\x1f"*/:<>?\\|]')

_TERM = re.compile(r"%(\w+)%")


class UnknownTerm(ValueError):
    """The template holds a %term% that has no meaning here."""


class OutsideRepository(ValueError):
    """A path points above the repository's root, or through a link out of it."""


@dataclass(frozen=True)
class ImportOwner:
    """Who imports, in which group and session: the values of the template's terms."""

    user: str
    user_id: int
    group: str
    group_id: int
    session: str
    session_id: int
    permissions: str


def expand_template(template: str, owner: ImportOwner, moment: datetime, client_paths: Sequence[str]) -> str:
    """The import's folder, relative to the repository; raises UnknownTerm.

    `%hash%` is taken over the sorted client paths, `%time%` carries milliseconds.
    """
    digest = hashlib.sha1("\n".join(sorted(client_paths)).encode(), usedforsecurity=False).hexdigest()
    terms = {
        "user": owner.user,
        "userId": str(owner.user_id),
        "group": owner.group,
        "groupId": str(owner.group_id),
        "session": owner.session,
        "sessionId": str(owner.session_id),
        "perms": owner.permissions,
        "institution": "",
        "year": f"{moment:%Y}",
        "month": f"{moment:%m}",
        "monthname": f"{moment:%B}",
        "day": f"{moment:%d}",
        "time": f"{moment:%H-%M-%S}.{moment.microsecond // 1000:03d}",
        "hash": digest[:8],
    }

    def value(match: re.Match[str]) -> str:
        if match[1] not in terms:
            raise UnknownTerm(f"the repository template {template!r} has the unknown term %{match[1]}%")
        return terms[match[1]]

    folders = (_TERM.sub(value, folder) for folder in template.split("/"))
    return "/".join(make_safe(folder) for folder in folders if folder)


def make_safe(name: str) -> str:
    """The name with every character that some file system refuses replaced by an underscore."""
    return UNSAFE_CHARACTERS.sub("_", name)


def keep_relative_paths(client_paths: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The common folder and each file's path below it, as the repository keeps them.

    At most PARENT_FOLDERS_KEPT folders above the highest file are kept; names are made safe. Raises
    OutsideRepository for a path with `..` and ValueError for an empty one.
    """
    split = []
    for path in client_paths:
        parts = tuple(make_safe(part) for part in path.split("/") if part not in ("", "."))
        if not parts:
            raise ValueError("a file of the import has an empty path")
        if ".." in parts:
            raise OutsideRepository(f"the path {path!r} goes upwards")
        split.append(parts)
    common = 0
    shortest = min(len(parts) for parts in split)
    while common < shortest - 1 and len({parts[common] for parts in split}) == 1:
        common += 1
    first = max(0, min(common, shortest - PARENT_FOLDERS_KEPT - 1))
    return "/".join(split[0][first:common]), tuple("/".join(parts[common:]) for parts in split)


def resolve_inside(root: Path, path: str) -> Path:
    """The absolute place of a repository path; raises OutsideRepository when it is not below `root`.

    The last component may be a symbolic link to anywhere (an in-place import is one); no folder on the
    way may be.
    """
    parts = [part for part in PurePosixPath("/" + path).parts[1:] if part != "."]
    if ".." in parts or "\x00" in path:
        raise OutsideRepository(f"Path may not make references above root: {path!r}")
    place = root.joinpath(*parts)
    if parts and not place.parent.resolve().is_relative_to(root.resolve()):
        raise OutsideRepository(f"{path!r} leads out of the repository")
    return place
