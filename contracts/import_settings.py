"""What a site's admin decides about imports: which converter is proposed for which files, and uploads."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from contracts.base import Contract
from contracts.destination import DestinationType
from contracts.preprocessing import Preprocessing

_EXTENSION = re.compile(r"\.[^/\x00-\x1f\x7f]{1,30}")


def _check_extension(extension: str) -> str:
    if not _EXTENSION.fullmatch(extension) or extension != extension.lower():
        raise ValueError(f"{extension!r} is not an ending such as '.lif', in small letters")
    return extension


#: The end of a file's name from a dot on, in small letters: `.lif`, `.ome.tif`.
Extension = Annotated[str, AfterValidator(_check_extension)]
#: How a converter is named in an order that is being made, and in site.toml.
ConverterName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


class Converter(Contract):
    """A conversion that people may choose; proposed for files with one of `extensions`.

    `makes` is where its results go: images into a Dataset, plates into a Screen.
    """

    title: Annotated[str, Field(min_length=1, max_length=80)]
    extensions: Annotated[tuple[Extension, ...], Field(strict=False)] = ()
    makes: Annotated[DestinationType, Field(strict=False)] = DestinationType.DATASET
    preprocessing: Preprocessing

    @property
    def takes_series(self) -> bool:
        """Whether it can extract one image of a file: ours can, a container says so by `{series}` in an option."""
        values = self.preprocessing.options.values()
        return self.preprocessing.is_builtin or any("{series}" in value for value in values)


class UploadSettings(Contract):
    """Uploads from the browser into the group's folder. `chunk_megabytes`: sent in one request, which the web server
    before OMERO.web has to take (nginx: client_max_body_size).
    """

    enabled: bool = False
    most_gigabytes: Annotated[int, Field(ge=1, le=10_000)] = 50
    chunk_megabytes: Annotated[int, Field(ge=1, le=100)] = 16


#: What a site has that says nothing about converters: the one of this project, proposed for Leica's files, whose
#: images then are files of their own.
OURS = {
    "ome-tiff": Converter(
        title="OME-TIFF",
        extensions=(".lif",),
        preprocessing=Preprocessing(converter="builtin", options={"outputformat": "ometiff"}),
    )
}


class ImportSettings(Contract):
    """`converters` by name, in the sequence in which they are offered."""

    converters: dict[ConverterName, Converter] = Field(default_factory=lambda: dict(OURS))
    uploads: UploadSettings = UploadSettings()

    def proposed_for(self, name: str) -> str | None:
        """The converter proposed for a file of this name: the one with the longest ending that fits."""
        lower = name.lower()
        fitting = [
            (len(extension), key)
            for key, converter in self.converters.items()
            for extension in converter.extensions
            if lower.endswith(extension)
        ]
        return max(fitting, key=lambda pair: pair[0])[1] if fitting else None
