"""Image files for the converters' tests."""

from __future__ import annotations

import pytest

from sandbox.samples import Sample, write_samples


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Sample]:
    """The sample images by kind; read, never changed."""
    return {sample.kind: sample for sample in write_samples(tmp_path_factory.mktemp("samples"))}
