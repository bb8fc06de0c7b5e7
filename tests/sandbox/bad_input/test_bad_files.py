"""Files that cannot be imported: each is refused by name, both ways, before anything is written."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.exceptions import PrefectHTTPStatusError

from contracts.failures import FailureCategory
from contracts.import_report import ImportReport
from sandbox.samples.plate import write_plate
from tests.sandbox.bad_input.bad_ground import Answer, Ground


@dataclass(frozen=True)
class BadFile:
    """`make` leaves the bad thing in the ground's folder under the name that is given it."""

    category: FailureCategory
    says: str
    make: Callable[[Ground, str], object]


def nothing(ground: Ground, name: str) -> None:
    """The file is not made."""


def truncated(ground: Ground, name: str) -> None:
    path = ground.write_tiff(name)
    path.write_bytes(path.read_bytes()[:-3000])


def link_out(ground: Ground, name: str) -> None:
    (ground.folder / name).symlink_to(ground.site.storage / "lab-b" / "whole.tif")


def link_out_on_the_way(ground: Ground, name: str) -> None:
    (ground.folder / name).parent.symlink_to(ground.site.storage / "lab-b")


def unix_socket(ground: Ground, name: str) -> None:
    """Bound by a path relative to its folder: a socket's path has a hundred bytes at most."""
    here = os.open(".", os.O_RDONLY)
    os.chdir(ground.folder)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(name)
    finally:
        os.fchdir(here)
        os.close(here)


def plate(ground: Ground, name: str) -> None:
    write_plate((ground.folder / name).parent, name.split("/")[1].removesuffix(".HTD"))


BAD_FILES = {
    "missing.tif": BadFile(FailureCategory.FILE_NOT_FOUND, "There is no file", nothing),
    "no folder/missing.tif": BadFile(FailureCategory.FILE_NOT_FOUND, "There is no file", nothing),
    "whole.tif/below.tif": BadFile(FailureCategory.FILE_NOT_FOUND, "There is no file", nothing),
    "empty.tif": BadFile(FailureCategory.FILE_EMPTY, "is empty", lambda ground, name: (ground.folder / name).touch()),
    "truncated.tif": BadFile(FailureCategory.BROKEN_FILE, "may be truncated", truncated),
    "folder.tif": BadFile(
        FailureCategory.NOT_A_FILE, "is a folder", lambda ground, name: (ground.folder / name).mkdir()
    ),
    "fifo.tif": BadFile(
        FailureCategory.NOT_A_FILE, "is not a regular file", lambda ground, name: os.mkfifo(ground.folder / name)
    ),
    "socket.tif": BadFile(FailureCategory.NOT_A_FILE, "is not a regular file", unix_socket),
    "device.tif": BadFile(
        FailureCategory.PATH_OUTSIDE_FOLDER,
        "leads out of the folder",
        lambda ground, name: (ground.folder / name).symlink_to("/dev/zero"),
    ),
    "link out.tif": BadFile(FailureCategory.PATH_OUTSIDE_FOLDER, "leads out of the folder", link_out),
    "way out/whole.tif": BadFile(FailureCategory.PATH_OUTSIDE_FOLDER, "leads out of the folder", link_out_on_the_way),
    "link nowhere.tif": BadFile(
        FailureCategory.FILE_NOT_FOUND,
        "There is no file",
        lambda ground, name: (ground.folder / name).symlink_to("gone.tif"),
    ),
    "link to itself.tif": BadFile(
        FailureCategory.FILE_NOT_FOUND, "leads to itself", lambda ground, name: (ground.folder / name).symlink_to(name)
    ),
    "text.czi": BadFile(
        FailureCategory.UNKNOWN_FORMAT,
        "in no format that we can read",
        lambda ground, name: (ground.folder / name).write_text("no image"),
    ),
    "picture.tif": BadFile(
        FailureCategory.UNKNOWN_FORMAT,
        "in no format that we can read",
        lambda ground, name: (ground.folder / name).write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64)),
    ),
    "plate/dose.HTD": BadFile(FailureCategory.BAD_REQUEST, "plates go into a Screen", plate),
}

#: Paths that no order can hold: Prefect's API takes them, and the flow's parameters are refused.
IMPOSSIBLE = {
    "up and out": ("../lab-b/whole.tif", "is not inside the folder of group 'lab-a'"),
    "absolute": ("/etc/hostname", "is not inside the folder of group 'lab-a'"),
    "newline": ("bad input/two\nlines.tif", "cannot be imported under this name"),
    "control character": ("bad input/bell\x07.tif", "cannot be imported under this name"),
    "name of 256 bytes": ("bad input/" + "n" * 252 + ".tif", "cannot be imported under this name"),
}


@dataclass
class Told:
    """What became of the bad files, ordered all at once, and of the paths that are no paths, one by one."""

    before: dict[str, int]
    answers: dict[str, Answer]
    placed_by_command: list[FlowRun]
    run: FlowRun
    report: ImportReport
    to_screen: FlowRun
    screen_report: ImportReport
    impossible: dict[str, FlowRun | PrefectHTTPStatusError]
    after: dict[str, int]


@pytest.fixture(scope="module")
def told(ground: Ground) -> Told:
    for name, bad in BAD_FILES.items():
        bad.make(ground, name)
    before = ground.census()
    paths = [f"bad input/{name}" for name in BAD_FILES]
    order = ground.order(*paths)
    screen = ground.order("bad input/whole.tif", destination={"type": "Screen", "id": ground.ids["screen"]})
    run, to_screen = ground.submit(order), ground.submit(screen)
    impossible = {name: submit(ground, path) for name, (path, _) in IMPOSSIBLE.items()}
    impossible["twice"] = submit(ground, "bad input/whole.tif", "bad input/whole.tif")
    impossible["no file"] = submit(ground)
    tokens = [uuid.uuid4() for _ in range(3 + len(IMPOSSIBLE))]

    def words(*more: str | bytes) -> list[str | bytes]:
        token = str(tokens.pop())
        asked.append(uuid.UUID(token))
        return ["--as", "alice", "--group", "lab-a", "--uuid", token, *more]

    asked: list[uuid.UUID] = []
    answers = ground.commands(
        {
            "files": words("--dataset", "Bad", *paths),
            "screen": words("--screen", f"id:{ground.ids['screen']}", "bad input/whole.tif"),
            "not UTF-8": words("--dataset", "Bad", b"bad input/\xff.tif"),
            **{name: words("--dataset", "Bad", path) for name, (path, _) in IMPOSSIBLE.items()},
        }
    )
    ended = {name: ground.wait_for_end(end) if isinstance(end, FlowRun) else end for name, end in impossible.items()}
    run, to_screen = ground.wait_for_end(run), ground.wait_for_end(to_screen)
    return Told(
        before,
        answers,
        [found for token in asked for found in ground.runs_of(token)],
        run,
        ground.report(uuid.UUID(order["uuid"])),
        to_screen,
        ground.report(uuid.UUID(screen["uuid"])),
        ended,
        ground.census(),
    )


def submit(ground: Ground, *paths: str) -> FlowRun | PrefectHTTPStatusError:
    try:
        return ground.submit(ground.order(*paths))
    except PrefectHTTPStatusError as error:
        return error


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused_by_name(told: Told, name: str) -> None:
    """By the command, on standard error; and by the flow, with its category."""
    [(number, outcome)] = [
        (number, outcome) for number, outcome in enumerate(told.report.files) if outcome.path == f"bad input/{name}"
    ]
    assert outcome.failure is not None, number
    assert outcome.failure.category is BAD_FILES[name].category
    assert BAD_FILES[name].says in outcome.failure.summary
    assert outcome.failure.summary in told.answers["files"].err
    assert outcome.failure.next_step in told.answers["files"].err


def test_the_command_ends_with_an_error_and_places_nothing(told: Told) -> None:
    assert {name: answer.code for name, answer in told.answers.items()} == dict.fromkeys(told.answers, 1)
    assert all("Traceback" not in answer.err for answer in told.answers.values())
    count = len(BAD_FILES)
    assert f"{count} of {count} files are refused; nothing was placed." in told.answers["files"].err
    assert told.placed_by_command == []


def test_the_flow_run_fails(told: Told) -> None:
    assert told.run.state is not None and told.run.state.type is StateType.FAILED
    assert told.run.state.message == f"0 of {len(BAD_FILES)} files imported as 0 objects, {len(BAD_FILES)} failed"


def test_an_image_does_not_go_into_a_screen(told: Told) -> None:
    [outcome] = told.screen_report.files
    assert outcome.failure is not None and outcome.failure.category is FailureCategory.BAD_REQUEST
    assert "images go into a Dataset" in outcome.failure.summary
    assert "images go into a Dataset" in told.answers["screen"].err


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_a_path_that_is_none_is_refused_in_words(told: Told, name: str) -> None:
    assert IMPOSSIBLE[name][1] in told.answers[name].err


def test_a_name_that_is_not_utf_8_is_refused_in_words(told: Told) -> None:
    assert "is not valid UTF-8: rename the file" in told.answers["not UTF-8"].err


@pytest.mark.parametrize("name", [*IMPOSSIBLE, "twice", "no file"])
def test_an_order_that_is_none_never_runs(told: Told, name: str) -> None:
    """Prefect's API refuses it by the flow's schema, or the run fails at its parameters, before its first task."""
    end = told.impossible[name]
    if isinstance(end, FlowRun):
        assert end.state is not None and end.state.type is StateType.FAILED
        assert "Validation of flow parameters failed" in str(end.state.message)
    else:
        assert end.response.status_code in {409, 422}


def test_nothing_was_written(told: Told) -> None:
    assert told.after == told.before
