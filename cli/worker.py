"""`omero-flows worker`: start orders and runs on this machine, until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Annotated

import typer

from cli.failures import reported
from cli.site import use_site

#: Prefect reads its logging from here, in the worker and in every process that it starts.
JSON_LOGS = Path(__file__).resolve().parent.parent / "deployments" / "json_logs.yaml"


@reported
def worker(
    pool: Annotated[str, typer.Option(help="The work pool: `imports`, `analyses` or `housekeeping`.")],
    limit: Annotated[int, typer.Option(min=1, help="How many run at once; the rest wait.")] = 4,
    name: Annotated[str | None, typer.Option(help="How Prefect shows it; each worker has its own.")] = None,
    healthcheck: Annotated[bool, typer.Option("--healthcheck", help="Answer HTTP at /health.")] = False,
    json_logs: Annotated[
        bool, typer.Option("--json-logs", help="Log lines of JSON with the run's token, of its runs' processes too.")
    ] = False,
    settings: Annotated[Path | None, typer.Option(help="The site's settings (site.toml).")] = None,
) -> None:
    """Start what is ordered, each in a process of its own. Ctrl-C or SIGTERM ends it; the rest are Prefect's settings
    (`PREFECT_WORKER_...`).
    """
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "INFO")  # its log is all that it shows
    # A Prefect server that has too much to do answers some requests with 500. One such answer ends a worker, and what
    # it had started with it.
    os.environ.setdefault("PREFECT_CLIENT_RETRY_EXTRA_CODES", "500")
    if json_logs:
        os.environ["PREFECT_LOGGING_SETTINGS_PATH"] = str(JSON_LOGS)
    # A worker needs nothing else of the site: the sandbox starts its own before there is a site.toml.
    if settings is not None or "PREFECT_API_URL" not in os.environ:
        use_site(settings)
    from prefect.logging.configuration import setup_logging

    from deployments.worker import work

    setup_logging()
    with contextlib.suppress(asyncio.CancelledError, KeyboardInterrupt):
        asyncio.run(work(pool, limit, name, healthcheck=healthcheck))
