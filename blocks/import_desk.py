"""What the Import page offers, as a block: the panel and Prefect's UI show and change the same."""

from __future__ import annotations

from prefect.blocks.core import Block
from pydantic import Field
from pydantic.networks import HttpUrl

from contracts.import_settings import OURS, Converter, ConverterName, UploadSettings


class ImportDesk(Block):
    """Which conversions the Import page offers and proposes, and whether people may upload.

    Example:
        Look at what is offered:
        ```python
        from blocks.import_desk import ImportDesk

        print(ImportDesk.load("BLOCK_NAME").converters)
        ```
    """

    _block_type_name = "Import Desk"
    _block_type_slug = "import-desk"
    _logo_url = HttpUrl("https://www.openmicroscopy.org/img/logos/ome-logomark.svg")
    _documentation_url = HttpUrl("https://omero.readthedocs.io/en/stable/users/")

    converters: dict[ConverterName, Converter] = Field(
        default_factory=lambda: dict(OURS), description="Conversions by name, in the sequence they are offered."
    )
    uploads: UploadSettings = Field(
        default=UploadSettings(), description="Whether people may upload into their group's folder, and how much."
    )
