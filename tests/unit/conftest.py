"""Real files of other people, where the shared folder is: microscope images, descriptors, a BIOMERO site's settings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real files; skips the tests that ask for it where there is none."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    folder = Path(os.environ.get("OMERO_FLOWS_SHARED_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"the folder of real files, {folder}, is not here (set OMERO_FLOWS_SHARED_DATA)")
    return folder
