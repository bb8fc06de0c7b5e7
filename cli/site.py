"""What every command does first: find the site's settings and turn to its Prefect."""

from __future__ import annotations

import logging
import os
from pathlib import Path


def use_site(settings: Path | None) -> None:
    """Let this process talk to the site's Prefect.

    Without site.toml the environment (PREFECT_API_URL) or Prefect's own profile says where it is. Call
    it before `prefect` is imported.

    Raises:
        FailureError: NOT_CONFIGURED when a settings file is named and is not right, or nothing says where
            Prefect is.
    """
    from deployments.settings import find_settings, load_settings

    if find_settings(settings) is not None or not _prefect_is_known():
        load_settings(settings).use_prefect()
    # The server logs its events; a command line that a person reads stays quiet.
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "ERROR")
    # Prefect's own thread for events has a logger beside its others, which that does not reach.
    for name in ("omero", "EventsWorker"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _prefect_is_known() -> bool:
    """Whether the environment or Prefect's profile names a server; else its client would start one of its own."""
    from prefect.settings import get_current_settings

    return get_current_settings().api.url is not None
