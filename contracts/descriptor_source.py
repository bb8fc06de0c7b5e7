"""Where a descriptor is: the web addresses that a repository's address stands for, and its version.

`https://github.com/ORG/REPO/tree/REF` is a repository at a tag or branch, as BIOMERO's `_repo` keys have it;
its descriptor is `descriptor.json`, `descriptor.yaml` or `config.yaml` there, looked for in this sequence.
More behind REF, or `blob` for `tree`, names the file. Any other http(s) address is the file itself.
"""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import quote, unquote, urlsplit

from pydantic import Field

from contracts.base import Contract

FILE_NAMES = ("descriptor.json", "descriptor.yaml", "config.yaml")
#: Branches that name no version; BIOMERO takes the image's `latest` for them.
BRANCHES = frozenset({"master", "main", "HEAD"})
LONGEST_ADDRESS = 2_000


class DescriptorSource(Contract):
    """`addresses`: where the file may be, to be tried in sequence. `version`: the repository's tag, if it has one."""

    addresses: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    version: str | None


def read_source(address: str) -> DescriptorSource:
    """What an http(s) address stands for.

    Raises:
        ValueError: it is no such address, or holds a user name or a password, which would end up in logs.
    """
    if len(address) > LONGEST_ADDRESS or re.search(r"[\x00-\x20\x7f]", address):
        raise ValueError("it is too long, or has white space or control characters")
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"}:
        raise ValueError("only http:// and https:// addresses are read")
    if not parts.hostname:
        raise ValueError("it names no host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("it holds a user name or a password, which would end up in logs; use a local file")
    if parts.hostname in {"github.com", "www.github.com"}:
        return _read_github(parts.path)
    return DescriptorSource(addresses=(address,), version=None)


def _read_github(path: str) -> DescriptorSource:
    words = [unquote(word) for word in path.split("/") if word]
    if len(words) < 2:
        raise ValueError("a repository is https://github.com/ORG/REPO, and perhaps /tree/TAG")
    organisation, repository, *rest = words
    kind, reference, inside = "tree", "HEAD", list[str]()
    if rest:
        kind, reference, inside = rest[0], "".join(rest[1:2]), rest[2:]
    if kind not in {"tree", "blob", "raw"} or not reference or ".." in words:
        raise ValueError("behind the repository comes /tree/TAG or /blob/TAG/FILE")
    if kind != "tree" and not inside:
        raise ValueError(f"/{kind}/{reference} names no file")
    files = ["/".join(inside)] if inside else list(FILE_NAMES)
    base = "/".join(quote(word, safe="") for word in (organisation, repository.removesuffix(".git"), reference))
    return DescriptorSource(
        addresses=tuple(f"https://raw.githubusercontent.com/{base}/{quote(file)}" for file in files),
        version=None if reference in BRANCHES else reference,
    )
