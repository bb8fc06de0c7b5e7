"""Chromium, and three orders in the site for it to look at.

The browser ends with this folder's tests: Playwright's synchronous interface keeps an event loop running
in the thread, and asynchronous tests after it would find it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, ViewportSize, expect, sync_playwright
from prefect.client.orchestration import PrefectClient

from cli.flow_runs import read_report
from contracts.import_report import ImportReport
from sandbox.samples import write_samples
from sandbox.site import Site
from sandbox.site.service import PROJECT
from tests.browser.prefect_pages import PrefectPages
from tests.browser.web_client import WebClient

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
#: No sandbox: containers do not allow it. The rest keeps the browser from calling its maker's servers.
CHROMIUM_OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
WINDOW: ViewportSize = {"width": 1280, "height": 860}
#: How long a page may take on a busy machine, in milliseconds.
PATIENCE = 30_000


@dataclass(frozen=True)
class Imports:
    """What the orders became. Names end in `mark`, so that no other test's objects are met."""

    mark: str
    token: uuid.UUID
    stack: int
    pyramid: int
    time_lapse: int
    plate: int
    private: int
    to_delete: int

    @property
    def dataset(self) -> str:
        return f"In place {self.mark}"

    @property
    def private_dataset(self) -> str:
        return f"Private {self.mark}"

    @property
    def screen(self) -> str:
        return f"Dose response {self.mark}"


@pytest.fixture(scope="package")
def imports(site: Site) -> Imports:
    """alice's dataset in lab-a, bob's plate in lab-a, alice's images in the private lab-b."""
    mark = uuid.uuid4().hex[:8]
    tokens = [uuid.uuid4() for _ in range(3)]
    samples = write_samples(site.storage / "lab-a" / f"browser-{mark}")
    stack, pyramid, time_lapse, plate = (str(sample.path) for sample in samples)
    private = write_samples(site.storage / "lab-b" / f"browser-{mark}")
    orders = [
        place(site, tokens[0], "alice", "lab-a", "--dataset", f"In place {mark}", "--key", "Stain=Hoechst 33342",
              stack, pyramid, time_lapse),
        place(site, tokens[1], "bob", "lab-a", "--screen", f"Dose response {mark}", plate),
        place(site, tokens[2], "alice", "lab-b", "--dataset", f"Private {mark}", str(private[0].path),
              str(private[2].path)),
    ]  # fmt: skip
    for order in orders:
        output, _ = order.communicate(timeout=240)
        assert order.returncode == 0, output
    reports = asyncio.run(read_reports(site, tokens))
    ids = [item.id for report in reports for file in report.files for item in file.objects]
    stack_id, pyramid_id, time_lapse_id, plate_id, private_id, to_delete_id = ids
    return Imports(mark, tokens[0], stack_id, pyramid_id, time_lapse_id, plate_id, private_id, to_delete_id)


def place(site: Site, token: uuid.UUID, user: str, group: str, *words: str) -> subprocess.Popen[str]:
    """`omero-flows import`, as a person runs it."""
    command = [sys.executable, "-m", "cli.main", "import", "--uuid", str(token), "--as", user, "--group", group, *words]
    return subprocess.Popen(command, cwd=PROJECT, env=site.environment(), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # fmt: skip


async def read_reports(site: Site, tokens: list[uuid.UUID]) -> list[ImportReport]:
    async with PrefectClient(site.prefect_api, auth_string=site.prefect_auth) as client:
        reports = [await read_report(client, token) for token in tokens]
    assert all(reports), "an order has no report"
    return [report for report in reports if report is not None]


@pytest.fixture(scope="package")
def browser(imports: Imports) -> Iterator[Browser]:
    """Debian's Chromium. After the imports: they use an event loop of their own."""
    if CHROMIUM is None:
        pytest.skip("no chromium: apt-get install chromium, or name one in the environment variable CHROMIUM")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport=WINDOW)
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


def _log_in(context: BrowserContext, site: Site, user: str) -> Iterator[WebClient]:
    client = WebClient(context, site.web_url)
    client.log_in(user, site.password(user))
    yield client
    assert not client.faults


@pytest.fixture
def alice(context: BrowserContext, site: Site) -> Iterator[WebClient]:
    """OMERO.web as alice, member of lab-a and lab-b. The test fails when a page or a script of it failed."""
    yield from _log_in(context, site, "alice")


@pytest.fixture
def bob(context: BrowserContext, site: Site) -> Iterator[WebClient]:
    """OMERO.web as bob, member of lab-a."""
    yield from _log_in(context, site, "bob")


@pytest.fixture
def prefect(browser: Browser, site: Site) -> Iterator[PrefectPages]:
    """The Prefect UI, logged in."""
    context = browser.new_context(viewport=WINDOW)
    context.set_default_timeout(PATIENCE)
    pages = PrefectPages(context, site.addresses.prefect_url)
    pages.log_in(site.prefect_auth)
    yield pages
    context.close()
