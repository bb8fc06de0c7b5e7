"""One thing that was examined: what was found, or what is to be mended."""

from __future__ import annotations

import re

from contracts.base import Contract
from contracts.failures import Failure

#: Type of the artifacts that hold findings as JSON.
FINDINGS_TYPE = "findings"


class Finding(Contract):
    """`found` says what is well; `failure` what is not, with the next step."""

    subject: str
    found: str = ""
    failure: Failure | None = None


def artifact_key(text: str) -> str:
    """A text as Prefect takes it for a key: small letters, digits and dashes."""
    return re.sub(r"[^a-z0-9-]", "-", text.lower())


def findings_key(about: str) -> str:
    """Key of the artifact that holds the newest findings about something, as JSON."""
    return artifact_key(f"{about}-findings")
