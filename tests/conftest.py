"""What every test may ask for: the site (real services, started once), and a fresh folder for an order's files.

Rings are folders; a test gets its ring's marker from where it lies:

    tests/unit     no service            tests/chaos    kills services in the middle of work
    tests/sandbox  services of the site  tests/browser  headless Chromium
    tests/cluster  the sandbox's Slurm
"""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from sandbox.site import Site

# No test asserts a time: a busy machine is slow, not wrong.
settings.register_profile("omero-flows", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("omero-flows")

RINGS = ("unit", "sandbox", "chaos", "browser", "cluster")
#: Unit tests first: a broken contract is told in seconds, not after the site has started.
ORDER = {ring: position for position, ring in enumerate(("unit", "sandbox", "cluster", "browser", "chaos"))}

_HERE = Path(__file__).parent


def pytest_configure() -> None:
    # A shell that starts the tests in the background has SIGINT ignored, children inherit that, and a command whose
    # Ctrl-C is tested would never see it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _ring(item: pytest.Item) -> str:
    ring = item.path.relative_to(_HERE).parts[0]
    if ring not in RINGS:
        raise pytest.UsageError(f"{item.path} is in no ring: put it into one of {', '.join(RINGS)}")
    return ring


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(getattr(pytest.mark, _ring(item)))
    items.sort(key=lambda item: ORDER[_ring(item)])  # stable: the order within a ring stays


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A whole site in a temporary folder, of this test run alone; it ends with the run even if that is killed.

    With OMERO_FLOWS_TEST_SITE=/some/folder the site there is used, started if it is down, and left up:
    for those who run one test again and again.
    """
    # The fault tests let many orders stand at brakes at once; each of them keeps a place at the worker.
    os.environ.setdefault("SANDBOX_RUNS_AT_ONCE", "32")
    if kept := os.environ.get("OMERO_FLOWS_TEST_SITE"):
        site = Site(Path(kept))
        site.start()
        yield site
        return
    site = Site(tmp_path_factory.mktemp("site"), bound_to_me=True)
    try:
        site.start()
        yield site
    finally:
        site.stop()


@pytest.fixture
def order_folder(site: Site) -> Path:
    """A new, empty folder in lab-a's image storage: where alice and bob may import from.

    No name comes twice, also on a site that is kept between test runs.
    """
    folder = site.storage / "lab-a" / f"order-{uuid.uuid4().hex[:12]}"
    folder.mkdir(parents=True)
    return folder
