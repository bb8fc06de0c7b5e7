"""What `omero-flows deploy` wrote into a block last, so that the next one knows what somebody changed since."""

from __future__ import annotations

from prefect.blocks.core import Block
from pydantic import Field
from pydantic.networks import HttpUrl


class DeployedSettings(Block):
    """Digests of what `omero-flows deploy` last asked for in another block. Secrets are not among them.

    Example:
        Look which fields a deploy has set:
        ```python
        from blocks.deployed_settings import DeployedSettings

        print(list(DeployedSettings.load("BLOCK_NAME").digests))
        ```
    """

    _block_type_name = "Deployed Settings"
    _block_type_slug = "deployed-settings"
    _logo_url = HttpUrl("https://www.openmicroscopy.org/img/logos/ome-logomark.svg")
    _documentation_url = HttpUrl("https://omero.readthedocs.io/en/stable/sysadmins/")

    digests: dict[str, str] = Field(
        default_factory=dict,
        description="By field, or field and key: the beginning of the SHA-256 of the value as JSON. Not to be changed.",
    )
