"""Image files for the converters' tests: generated ones, and real ones where the shared folder is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sandbox.samples import Sample, write_samples


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Sample]:
    """The sample images by kind; read, never changed."""
    return {sample.kind: sample for sample in write_samples(tmp_path_factory.mktemp("samples"))}


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real microscope files; skips the tests that ask for it where there is none."""
    beside = Path(__file__).resolve().parents[4] / "shared" / "data"
    folder = Path(os.environ.get("OMERO_FLOWS_SHARED_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"the folder of real files, {folder}, is not here (set OMERO_FLOWS_SHARED_DATA)")
    return folder
