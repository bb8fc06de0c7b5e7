"""A manifest that lies on the image storage, for a schedule."""

from __future__ import annotations

from pydantic import Field

from contracts.base import Contract
from contracts.import_order import LoginName
from contracts.source_file import RelativePath


class ManifestFile(Contract):
    """Where a manifest lies, and for whom it speaks.

    Whoever can write into the group's folder writes the manifest. So its rows are `user`'s in `group`, and may name
    nobody else; without `user` they may name anybody, which is for a folder that admins alone can write.
    """

    group: LoginName = Field(description="The OMERO group in whose folder it lies, and whose images they become.")
    path: RelativePath = Field(description="Its path inside the group's folder.")
    user: LoginName | None = Field(default=None, description="Whose images they become; empty: the rows say it.")
