"""What reaches the login node's shell, and how its answers are read."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.job_log import parse_progress
from blocks.remote_command import LONGEST_COMMAND, RemoteScript, Section, command, quote, sections

SCRIPT = RemoteScript("try", 'for word; do printf "%s\\0" "$word"; done')
words = st.lists(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])), max_size=5)


@given(words)
def test_words_stay_words_in_a_shell(given_words: list[str]) -> None:
    line = command(SCRIPT, *given_words)
    said = subprocess.run(["sh", "-c", line.line], capture_output=True, check=True).stdout
    noise, _, answer = said.partition(line.mark)
    assert noise == b""
    assert answer.decode().split("\0")[:-1] == given_words


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_every_script_is_a_script_of_the_shell(shell: str) -> None:
    import blocks.cancellation
    import blocks.cluster_look
    import blocks.image_store
    import blocks.job_end
    import blocks.job_log
    import blocks.job_queue
    import blocks.results
    import blocks.run_folder
    import blocks.staging
    import blocks.submission

    rooms = [
        blocks.cancellation,
        blocks.cluster_look,
        blocks.image_store,
        blocks.job_end,
        blocks.job_log,
        blocks.job_queue,
        blocks.results,
        blocks.run_folder,
        blocks.staging,
        blocks.submission,
    ]
    scripts = [value for room in rooms for value in vars(room).values() if isinstance(value, RemoteScript)]
    assert len(scripts) == 15
    for script in scripts:
        subprocess.run([shell, "-n"], input=script.text.encode(), check=True)


def test_a_word_with_a_nul_and_a_command_that_is_too_long_are_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        quote("a\0b")
    with pytest.raises(ValueError, match="longer"):
        command(SCRIPT, "x" * LONGEST_COMMAND)


@given(
    st.lists(
        st.tuples(
            st.from_regex(r"[a-z][a-z0-9./-]{0,20}", fullmatch=True),
            st.integers(-255, 2**40),
            st.lists(st.text(alphabet=st.characters(exclude_characters="\n\0", exclude_categories=["Cs"])), max_size=3),
        ),
        max_size=4,
    )
)
def test_sections_come_back_as_they_were_emitted(given_sections: list[tuple[str, int, list[str]]]) -> None:
    """Whatever a line begins with, it is never taken for the head of another section."""
    text = "".join(f"{name} {code}\n" + "".join(f" {line}\n" for line in lines) for name, code, lines in given_sections)
    assert sections(text) == [Section(name, code, tuple(lines)) for name, code, lines in given_sections]


@pytest.mark.parametrize("answer", ["queue\n", " a line\n", "queue x\n", "bash: squeue: command not found\n"])
def test_what_is_no_answer_is_refused(answer: str) -> None:
    with pytest.raises(ValueError):
        sections(answer)


@pytest.mark.parametrize(
    ("log", "progress"),
    [
        ("", None),
        ("no word of it", None),
        ("progress: 3 of 24", 0.125),
        ("Progress: 3/24\nsomething else", 0.125),
        ("progress: 3 of 24\nprogress: 24 of 24", 1.0),
        ("progress: 30 of 24", 1.0),
        ("progress: 3 of 0", None),
        (" 42%|####      | 42/100 [00:10<00:14]", 0.42),
        ("10% 20% 99.5 %", 0.99),
        ("done 12.5% of it", 0.12),
        ("170% of the usual memory", None),
        ("epoch 1\n5%\nloss 0.3", 0.05),
    ],
)
def test_progress_is_what_the_last_line_that_says_it_says(log: str, progress: float | None) -> None:
    assert parse_progress(log) == progress
