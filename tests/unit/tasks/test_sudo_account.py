"""`omero-flows doctor` warns of a sudo account that may do more than it needs."""

from __future__ import annotations

import pytest

from tasks.site_examination import NEEDED_PRIVILEGES, Warned, judge_account


@pytest.mark.parametrize("privileges", [{"Sudo"}, NEEDED_PRIVILEGES])
def test_what_it_needs_is_well(privileges: set[str]) -> None:
    assert judge_account("here", "importer", privileges) == "here, 'importer' may act for users"


def test_more_than_it_needs_is_named() -> None:
    answer = judge_account("here", "importer", {"Sudo", "WriteOwned", "ModifyUser"})
    assert isinstance(answer, Warned)
    assert "may ModifyUser, WriteOwned besides" in answer.warning


def test_root_is_never_well() -> None:
    answer = judge_account("here", "root", {"Sudo"})
    assert isinstance(answer, Warned)
    assert "root is used" in answer.warning
