"""Tests of the embedded OMERO's model work on a small database of their own."""

from __future__ import annotations

import pytest

from tests.unit.omero_model.small_database import Database, make_database


@pytest.fixture
def database() -> Database:
    """Nothing in it is shared between tests."""
    return make_database()
