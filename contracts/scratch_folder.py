"""A run's folder on the cluster's scratch, as the nightly tidying found it, and what became of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.base import Contract, Token


class ScratchFolder(Contract):
    """`days`: for how long nothing has changed in it. `why`: why it was removed, or is kept."""

    token: Token
    days: Annotated[float, Field(ge=0)]
    removed: bool
    why: str
