"""Paths as OMERO's default path rules take them."""

from __future__ import annotations

import pytest

from tasks.managed_repository import client_path


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/data/lab a/a.tif", "data/lab a/a.tif"),
        ("/data/a:b?*.tif", "data/a_b__.tif"),
        ("/data/ends. /a.tif", "data/ends._/a.tif"),
        ("/data/naïve µm.tif", "data/naïve µm.tif"),
    ],
)
def test_client_path(path: str, expected: str) -> None:
    assert client_path(path) == expected
