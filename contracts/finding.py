"""One thing that was examined: what was found, or what is to be mended."""

from __future__ import annotations

import re

from contracts.base import Contract
from contracts.failures import Failure

#: Type of the artifacts that hold findings as JSON.
FINDINGS_TYPE = "findings"
#: What the whole site's findings are published under; a cluster's: see `cluster_check`, `cluster_set_up`.
SITE_CHECK = "site-check"


class Finding(Contract):
    """`found` says what is well; `failure` what is not, with the next step. `warning`: it works, and should be mended
    all the same.
    """

    subject: str
    found: str = ""
    warning: str = ""
    failure: Failure | None = None


def cluster_check(cluster: str) -> str:
    """What the findings of flows/check_cluster.py are published under."""
    return f"cluster-{cluster}-check"


def cluster_set_up(cluster: str) -> str:
    """As `cluster_check`, of flows/set_up_cluster.py."""
    return f"cluster-{cluster}-set-up"


def artifact_key(text: str) -> str:
    """A text as Prefect takes it for a key: small letters, digits and dashes."""
    return re.sub(r"[^a-z0-9-]", "-", text.lower())


def findings_key(about: str) -> str:
    """Key of the artifact that holds the newest findings about something, as JSON."""
    return artifact_key(f"{about}-findings")
