"""Paths in the managed repository: never outside it, never two files in one place."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.omero.repository_paths import (
    ImportOwner,
    OutsideRepository,
    UnknownTerm,
    expand_template,
    keep_relative_paths,
    make_safe,
    resolve_inside,
)

OWNER = ImportOwner("alice", 2, "lab a", 3, "a-uuid", 7, "rwra--")
MOMENT = datetime(2026, 11, 23, 8, 5, 9, 42_000)


def test_the_default_template() -> None:
    expanded = expand_template("%user%_%userId%//%year%-%month%/%day%/%time%", OWNER, MOMENT, ["a.tif"])
    assert expanded == "alice_2/2026-11/23/08-05-09.042"


def test_other_terms() -> None:
    expanded = expand_template("%group%_%groupId%/%perms%/%sessionId%/%monthname%", OWNER, MOMENT, [])
    assert expanded == "lab a_3/rwra--/7/November"
    one = expand_template("%hash%", OWNER, MOMENT, ["a", "b"])
    assert one == expand_template("%hash%", OWNER, MOMENT, ["b", "a"])
    assert one != expand_template("%hash%", OWNER, MOMENT, ["a", "c"])


def test_unknown_terms_are_refused_by_name() -> None:
    with pytest.raises(UnknownTerm, match="%planet%"):
        expand_template("%user%/%planet%", OWNER, MOMENT, [])


@pytest.mark.parametrize(
    ("paths", "common", "relative"),
    [
        (["a.tif"], "", ("a.tif",)),
        (["home/alice/a.tif"], "home/alice", ("a.tif",)),
        (["mnt/data/lab/alice/run/a.tif"], "lab/alice/run", ("a.tif",)),
        (["data/run/a.tif", "data/run/deep/b.tif"], "data/run", ("a.tif", "deep/b.tif")),
        (["x/a.tif", "y/a.tif"], "", ("x/a.tif", "y/a.tif")),
        (["data/w:1/a?.tif"], "data/w_1", ("a_.tif",)),
    ],
)
def test_what_is_kept_of_the_clients_paths(paths: list[str], common: str, relative: tuple[str, ...]) -> None:
    assert keep_relative_paths(paths) == (common, relative)


@pytest.mark.parametrize("path", ["../a", "a/../../b", "a/.."])
def test_paths_upwards_are_refused(path: str) -> None:
    with pytest.raises(OutsideRepository):
        keep_relative_paths([path])


@given(st.text(max_size=60))
def test_no_text_leads_out_of_the_repository(text: str) -> None:
    root = Path("/srv/repository")
    try:
        place = resolve_inside(root, text)
    except OutsideRepository:
        return
    assert place.is_relative_to(root)
    assert ".." not in place.parts


def test_a_link_may_be_the_file_and_not_the_folder(tmp_path: Path) -> None:
    root, outside = tmp_path / "repository", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "data.tif").write_bytes(b"x")
    (root / "link.tif").symlink_to(outside / "data.tif")
    (root / "folder").symlink_to(outside)
    assert resolve_inside(root, "link.tif").read_bytes() == b"x"
    with pytest.raises(OutsideRepository):
        resolve_inside(root, "folder/data.tif")


@given(st.text(max_size=40))
def test_safe_names_stay_safe(name: str) -> None:
    safe = make_safe(name)
    assert len(safe) == len(name)
    assert make_safe(safe) == safe
    assert not set(safe) & set('"*/:<>?\\|')
