"""One thing that was examined: what was found, or what is to be mended."""

from __future__ import annotations

from contracts.base import Contract
from contracts.failures import Failure


class Finding(Contract):
    """`found` says what is well; `failure` what is not, with the next step."""

    subject: str
    found: str = ""
    failure: Failure | None = None
