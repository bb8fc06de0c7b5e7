"""`omero-flows workflows check` as its authors use it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.unit.cli.command import omero_flows
from tests.unit.contracts.descriptor_texts import biaflows, biomero, number, text

WHOLE = """\
Tracker
Tracks nuclei
format  biomero-schema (biomero-0.1)
image   ghcr.io/lab/tracker:2.1
needs   2 cores, 2048 MiB RAM, a GPU, OME-Zarr
cite    Tracks (10.1/x, MIT)
Takes
Name Type Default May be Option
stack images tif, omezarr
radius (optional, advanced) number 5 --radius
method text fast fast, exact --method
seeds (optional) files csv --seeds
weights (optional) executable --weights
Gives
Name Type Formats What
tracks file csv tracks
labels labeled images tif labels
count number count
Called with its defaults: --infolder /in --gtfolder /gt --outfolder /out --results=/out --radius=5 --method=fast \
--local -nmc
"""

BROKEN = """\
✗ name: It is missing.
  Add 'name' with a text.
✗ inputs[1].type: BIAFLOWS has no type 'Float32'.
  Write one of Number, String, Boolean, Integer, Float.
✗ inputs[2].default-value: 5 is less than minimum, 6.
  Correct one.
3 errors: the workflow cannot be run from this descriptor.
"""


def plain(page: str) -> str:
    """The words of a page, without the lines of its tables."""
    lines = ["".join(" " if each in "│┃" else each for each in line).strip() for line in page.splitlines()]
    words = [line for line in lines if line and not set(line) <= set("━─┏┓┗┛└┘├┤┬┴┼┳┻╇╈╋┡┩ ")]
    kept = [
        line if line.startswith(("format ", "image ", "needs ", "cite ")) else " ".join(line.split()) for line in words
    ]
    return "\n".join(kept) + "\n"


def test_a_whole_descriptor_is_shown(tmp_path: Path) -> None:
    (tmp_path / "descriptor.json").write_text(biomero(), "utf-8")
    for place in ("descriptor.json", "."):
        answer = omero_flows("workflows", "check", place, folder=tmp_path)
        assert (answer.code, answer.error) == (0, "")
        assert plain(answer.out) == WHOLE


def test_every_problem_of_a_broken_one_is_told(tmp_path: Path) -> None:
    broken = biaflows(number("a", type="Float32"), number("b", minimum=6), name=...)
    (tmp_path / "descriptor.json").write_text(broken, "utf-8")
    answer = omero_flows("workflows", "check", "descriptor.json", folder=tmp_path)
    assert answer.code == 1
    assert answer.out == BROKEN


def test_what_is_only_noted_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "descriptor.json").write_text(biaflows(number("path"), text()), "utf-8")
    answer = omero_flows("workflows", "check", "descriptor.json", folder=tmp_path)
    assert answer.code == 0
    assert "• inputs[1]: As a variable of a job script, 'path' would be $PATH" in answer.out
    assert "Called with its defaults" not in answer.out  # `model` has none


def test_words_of_a_descriptor_are_no_markup_and_no_commands_to_the_terminal(tmp_path: Path) -> None:
    model = text(**{"value-choices": ["[/x]", "\x1b[2J"], "default-value": "[/x]"})
    hostile = biaflows(model, name="[red]Spots[/nonsense]", description="[/]\x1b]0;title\x07", **{"\x1b[31mx": 1})
    (tmp_path / "descriptor.json").write_text(hostile, "utf-8")
    answer = omero_flows("workflows", "check", "descriptor.json", folder=tmp_path)
    assert answer.code == 0, answer
    assert "[red]Spots[/nonsense]" in answer.out and "[/x], \N{REPLACEMENT CHARACTER}[2J" in answer.out
    assert "\x1b" not in answer.out and "\x07" not in answer.out


def test_a_program_reads_json(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(biaflows(name=...), "utf-8")
    answer = omero_flows("workflows", "check", "a.json", "--json", folder=tmp_path)
    assert answer.code == 1
    found = json.loads(answer.out)
    assert found["descriptor"] is None
    assert [problem["where"] for problem in found["problems"]] == ["name"]


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("missing.json", "(descriptor-not-found)"),
        ("ftp://example.org/x", "(bad-request)"),
        ("https://user:secret@example.org/x", "(bad-request)"),
        ("http://127.0.0.1:1/x.json", "(descriptor-unreachable)"),
    ],
)
def test_a_place_without_a_descriptor_is_said(tmp_path: Path, place: str, words: str) -> None:
    answer = omero_flows("workflows", "check", place, folder=tmp_path)
    assert (answer.code, answer.out) == (1, "")
    assert answer.error.startswith("✗ ") and words in answer.error
    assert "secret" not in answer.error


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Nothing: the test's output is pytest's."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_an_address_of_the_web(web: str, tmp_path: Path) -> None:
    (tmp_path / "descriptor.json").write_text(biomero(), "utf-8")
    answer = omero_flows("workflows", "check", f"{web}/descriptor.json", folder=tmp_path)
    assert answer.code == 0
    assert plain(answer.out) == WHOLE
