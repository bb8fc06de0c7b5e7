"""Names of container images: registry, repository, tag and digest of what people write.

The grammar is that of the OCI distribution project (github.com/distribution/reference); that Docker
Hub is meant where no registry is named is Docker's rule.
"""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import StringConstraints

from contracts.base import Contract

DOCKER_HUB = "docker.io"
LONGEST_NAME = 512
#: So that repository, tag and ending fit into one name on a file system (255 bytes).
LONGEST_REPOSITORY = 120

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_REGISTRY = rf"{_LABEL}(?:\.{_LABEL})*(?::[0-9]{{1,5}})?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = rf"{_PART}(?:/{_PART})*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"sha256:[0-9a-f]{64}"


class ContainerImage(Contract):
    """One image in one registry: `docker.io`, `org/name`, and a tag or a digest or both or neither.

    A digest wins over a tag: the tag is then only a word for people.
    """

    registry: Annotated[str, StringConstraints(pattern=rf"^(?:{_REGISTRY})$", max_length=255)]
    repository: Annotated[str, StringConstraints(pattern=rf"^(?:{_REPOSITORY})$", max_length=LONGEST_REPOSITORY)]
    tag: Annotated[str, StringConstraints(pattern=rf"^(?:{_TAG})$")] | None = None
    digest: Annotated[str, StringConstraints(pattern=rf"^(?:{_DIGEST})$")] | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `org/name`, `ghcr.io/org/name:1.2`, `registry:5000/org/name@sha256:...`.

        `docker://` in front, as Apptainer writes it, is taken off.

        Raises:
            ValueError: names the part that is wrong.
        """
        if len(text) > LONGEST_NAME:
            raise ValueError(f"an image's name has at most {LONGEST_NAME} characters")
        name, at, digest = text.removeprefix("docker://").partition("@")
        if at and not re.fullmatch(_DIGEST, digest):
            raise ValueError(f"{digest!r} is no digest: sha256: and 64 digits of 0-9 and a-f")
        head, slash, last = name.rpartition("/")
        last, colon, tag = last.partition(":")
        if colon and not re.fullmatch(_TAG, tag):
            raise ValueError(f"{tag!r} is no tag: letters, digits, '_', '.' and '-', at most 128")
        registry, repository = _split_registry(head + slash + last)
        if not re.fullmatch(_REGISTRY, registry):
            raise ValueError(f"{registry!r} is no registry: a host name, and perhaps a port")
        if len(repository) > LONGEST_REPOSITORY:
            raise ValueError(f"a repository has at most {LONGEST_REPOSITORY} characters")
        if not re.fullmatch(_REPOSITORY, repository):
            if re.fullmatch(_REPOSITORY, repository.lower()):
                raise ValueError(f"{repository!r} has capital letters; registries take small ones only")
            raise ValueError(f"{repository!r} is no repository: small letters and digits, as in org/name")
        return cls(registry=registry, repository=repository, tag=tag or None, digest=digest or None)

    @property
    def name(self) -> str:
        """Registry and repository."""
        return f"{self.registry}/{self.repository}"

    @property
    def address(self) -> str:
        """What to pull or run: by digest where there is one, else by tag, else what the registry calls latest."""
        if self.digest is not None:
            return f"{self.name}@{self.digest}"
        return self.name if self.tag is None else f"{self.name}:{self.tag}"

    @property
    def version(self) -> str:
        """The digest, or the tag, or `latest`."""
        return self.digest or self.tag or "latest"

    @property
    def file_name(self) -> str:
        """The image as one file on a cluster: `<last part of the repository>_<tag>.sif`, as BIOMERO names it.

        An image that BIOMERO pulled is therefore found. With a digest the file is
        `<last part>_sha256-<64 digits>.sif`. Images of one last part and tag share their file's name;
        each workflow has its own folder for that reason.
        """
        return f"{self.repository.rpartition('/')[2]}_{self.version.replace(':', '-')}.sif"

    def with_tag(self, tag: str | None) -> ContainerImage:
        """This image with a tag, unless it has a tag or a digest already.

        Raises:
            ValueError: the tag is none.
        """
        if tag is None or self.tag is not None or self.digest is not None:
            return self
        return ContainerImage(registry=self.registry, repository=self.repository, tag=tag)

    def __str__(self) -> str:
        return self.address


def _split_registry(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        registry, repository = first, rest
    else:
        registry, repository = DOCKER_HUB, name
    if registry in {DOCKER_HUB, "index.docker.io"}:
        return DOCKER_HUB, repository if "/" in repository else f"library/{repository}"
    return registry, repository
