"""Names of container images as people write them, and what a converter prints."""

from __future__ import annotations

import logging

import pytest

from blocks.container_engine import read_image
from blocks.converter_output import LAST_WORDS, LONGEST_LINE, ConverterOutput, OutputLines
from contracts.failures import FailureCategory, FailureError


def test_an_image_without_a_registry_is_docker_hubs() -> None:
    assert read_image("org/name:1.2").address == "docker.io/org/name:1.2"


def test_what_is_no_image_is_refused_before_docker_is_asked() -> None:
    with pytest.raises(FailureError) as refusal:
        read_image("ghcr.io/Org/name")
    assert refusal.value.failure.category is FailureCategory.CONVERTER_NOT_AVAILABLE
    assert "capital letters" in refusal.value.failure.detail


def test_lines_are_put_together_however_they_are_cut() -> None:
    lines = OutputLines(logging.getLogger("test"), "converter")
    for chunk in (b'begin\n[{"na', b'me": "\xc3', b'\xa4"}]\n\n  \n'):
        lines.feed(chunk)
    lines.close()
    assert lines.last == '[{"name": "ä"}]'


def test_an_endless_line_takes_no_endless_memory() -> None:
    lines = OutputLines(logging.getLogger("test"), "converter")
    for _ in range(3 * LONGEST_LINE // (1 << 20)):
        lines.feed(b"x" * (1 << 20))
    lines.close()
    assert lines.too_long


def test_a_flood_of_lines_is_logged_in_part(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        lines = OutputLines(logging.getLogger("test"), "converter")
        lines.feed(b"line\n" * 5000)
        lines.feed(b"last")
        lines.close()
    assert lines.last == "last"
    assert len(caplog.records) == 2001


def test_a_warning_on_stderr_does_not_hide_the_answer() -> None:
    output = ConverterOutput(logging.getLogger("test"), "converter")
    output.stdout.feed(b'[{"name": "x"}]\n')
    output.stderr.feed(b"warning: 3 channels have no name\n")
    output.close()
    assert output.last_line == '[{"name": "x"}]'


def test_an_answer_on_stderr_counts_where_there_is_no_other() -> None:
    output = ConverterOutput(logging.getLogger("test"), "converter")
    output.stderr.feed(b'loading\n[{"name": "x"}]\n')
    output.close()
    assert output.last_line == '[{"name": "x"}]'


def test_a_failure_quotes_the_last_lines_of_both_streams() -> None:
    output = ConverterOutput(logging.getLogger("test"), "converter")
    output.stdout.feed(b"".join(b"step %d\n" % number for number in range(100)))
    output.stderr.feed(b"cannot open the file\n")
    output.close()
    quoted = output.last_words.splitlines()
    assert quoted[0] == "cannot open the file"
    assert quoted[1:] == [f"step {number}" for number in range(100 - LAST_WORDS, 100)]
