"""Files of watched folders that have arrived, on a real file system; only the clock is told."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile

from blocks.image_storage import ImageStorage
from contracts.batch.watch_rule import WatchRule
from contracts.failures import FailureCategory
from tasks.watched_files import DAY, find_arrived

MINUTE = 60.0


@pytest.fixture
def storage(tmp_path: Path) -> ImageStorage:
    (tmp_path / "lab-a").mkdir()
    return ImageStorage(root=str(tmp_path))


def write(storage: ImageStorage, path: str) -> Path:
    file = Path(storage.root) / "lab-a" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(file, np.zeros((4, 4), np.uint8))
    return file


def rule(**fields: object) -> WatchRule:
    given = {"group": "lab-a", "pattern": "in/{user}/{day}/*.tif", "user": "{user}", "dataset": "{day}", **fields}
    return WatchRule.model_validate(given)


def paths(storage: ImageStorage, made: WatchRule, after: float) -> list[str]:
    rows, problems = find_arrived(storage, {"r": made}, time.time() + after)
    assert problems == []
    return [row.path for row in rows]


def test_a_file_counts_once_nothing_has_changed_it(storage: ImageStorage) -> None:
    file = write(storage, "in/alice/monday/a.tif")
    # A copy with its original's time looks old and may still be growing.
    os.utime(file, (0, 0))
    assert paths(storage, rule(), 10 * MINUTE) == []
    assert paths(storage, rule(), 16 * MINUTE) == ["in/alice/monday/a.tif"]
    assert paths(storage, rule(), 31 * DAY) == []


def test_a_clock_that_is_wrong_holds_up_nothing(storage: ImageStorage) -> None:
    os.utime(write(storage, "in/alice/monday/a.tif"), (time.time() + 400 * DAY,) * 2)
    assert paths(storage, rule(), 16 * MINUTE) == ["in/alice/monday/a.tif"]


def test_with_an_end_marker_nothing_else_counts(storage: ImageStorage) -> None:
    file = write(storage, "in/alice/monday/a.tif")
    marked = rule(end_marker="{stem}.done")
    assert paths(storage, marked, DAY) == []
    file.with_name("a.done").touch()
    assert paths(storage, marked, 0) == ["in/alice/monday/a.tif"]


def test_what_is_hidden_linked_or_elsewhere_does_not_count(storage: ImageStorage, tmp_path: Path) -> None:
    write(storage, "in/alice/.monday/a.tif")
    write(storage, "in/alice/monday/.processed/a.tif")
    write(storage, "in/alice/monday/.a.tif")
    secret = write(storage, "elsewhere/a.tif")
    (secret.parents[1] / "in/alice/monday/link.tif").symlink_to(secret)
    (secret.parents[1] / "in/bob").symlink_to(tmp_path)
    assert paths(storage, rule(), DAY) == []


def test_the_first_rule_counts_and_bad_names_are_told(storage: ImageStorage) -> None:
    write(storage, "in/alice/monday/a.tif")
    write(storage, "in/alice/ /b.tif")
    rows, problems = find_arrived(storage, {"one": rule(), "two": rule(dataset="Other")}, time.time() + DAY)
    assert [(row.path, row.destination.name) for row in rows] == [("in/alice/monday/a.tif", "monday")]
    [problem] = problems
    assert (problem.source, problem.failure.category) == ("rule one", FailureCategory.BAD_REQUEST)


def test_a_rule_of_a_group_without_a_folder_does_not_stop_the_others(storage: ImageStorage) -> None:
    write(storage, "in/alice/monday/a.tif")
    rows, problems = find_arrived(storage, {"no": rule(group="lab-z"), "yes": rule()}, time.time() + DAY)
    assert len(rows) == 1
    assert [problem.failure.category for problem in problems] == [FailureCategory.NOT_CONFIGURED]
