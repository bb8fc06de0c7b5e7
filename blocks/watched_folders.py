"""The folders from which a night's batch imports by itself."""

from __future__ import annotations

from prefect.blocks.core import Block
from pydantic import Field
from pydantic.networks import HttpUrl

from contracts.batch.watch_rule import RuleName, WatchRule


class WatchedFolders(Block):
    """Rules by which files on the image storage are imported at night: which, when they are whole, whose, and where to.

    Example:
        Look at the rules:
        ```python
        from blocks.watched_folders import WatchedFolders

        watched = WatchedFolders.load("BLOCK_NAME")
        print(watched.rules)
        ```
    """

    _block_type_name = "Watched Folders"
    _block_type_slug = "watched-folders"
    _logo_url = HttpUrl("https://www.openmicroscopy.org/img/logos/ome-logomark.svg")
    _documentation_url = HttpUrl("https://omero.readthedocs.io/en/stable/sysadmins/in-place-import.html")

    rules: dict[RuleName, WatchRule] = Field(
        default_factory=dict, description="Rules by name; the first that fits counts."
    )
