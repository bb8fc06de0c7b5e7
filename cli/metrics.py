"""`omero-flows metrics`: the site in numbers for Prometheus, on one address."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.failures import console, reported, say
from cli.site import use_site
from contracts.failures import FailureCategory, FailureError, fail

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric


@reported
def metrics(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Prometheus asks at http://HOST:PORT/metrics.")] = 9418,
    host: Annotated[str, typer.Option(help="The address to listen at; anybody who reaches it reads.")] = "127.0.0.1",
    hours: Annotated[int, typer.Option(min=1, max=24 * 31, help="How far back bytes and failures are summed.")] = 24,
    users: Annotated[bool, typer.Option("--users", help="Also runs by user, with their names.")] = False,
    settings: Annotated[Path | None, typer.Option(help="The site's settings (site.toml).")] = None,
) -> None:
    """Serve orders, runs, failures, queue and watch times, and bytes, until told to end. It keeps nothing."""
    # A scrape is answered at once, also while Prefect is away.
    os.environ.setdefault("PREFECT_CLIENT_MAX_RETRIES", "0")
    use_site(settings)
    from prometheus_client import start_http_server
    from prometheus_client.registry import CollectorRegistry

    import tasks.site_metrics  # noqa: F401  what takes seconds is loaded before the first scrape waits for it

    registry = CollectorRegistry()
    registry.register(SiteCollector(timedelta(hours=hours), users))
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            f"Nothing can listen at {host}:{port}.",
            detail=str(error),
            next_step="Choose another with --port or --host.",
        ) from error
    signal.signal(signal.SIGTERM, lambda number, frame: server.shutdown())
    signal.signal(signal.SIGINT, lambda number, frame: server.shutdown())
    console.print(f"Metrics at http://{host}:{port}/metrics", highlight=False)
    thread.join()


class SiteCollector:
    """Asks Prefect at each scrape, one scrape after another."""

    def __init__(self, span: timedelta, users: bool) -> None:
        self._span = span
        self._users = users

    def describe(self) -> Iterable[Metric]:
        """Nothing is asked before the first scrape: the site may not be up yet."""
        return ()

    def collect(self) -> Iterable[Metric]:
        from tasks.site_metrics import is_up

        try:
            found = asyncio.run(self._read())
        except FailureError as error:
            say(error.failure)
            yield from is_up(False)
            return
        yield from is_up(True)
        yield from found

    async def _read(self) -> list[Metric]:
        from tasks.prefect_client import prefect_client
        from tasks.site_metrics import read_metrics

        async with prefect_client() as client:
            return await read_metrics(client, self._span, users=self._users)
