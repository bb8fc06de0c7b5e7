"""Options of sbatch: known ones pass with honest values, and nothing typed becomes a second option."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.sbatch_options import FORMS, OURS, check_option, option_arguments


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("partition", "gpu"),
        ("partition", "gpu,gpu-long"),
        ("account", "bio_imaging"),
        ("qos", "high+1"),
        ("gres", "gpu:1g.10gb:1"),
        ("gres", "gpu"),
        ("gres", "gpu:a100:2,shard:1"),
        ("gpus", "2"),
        ("gpus", "a100:2"),
        ("gpus", "v100:1,a100:1"),
        ("mem", "15GB"),
        ("mem", "2047"),
        ("mem-per-cpu", "4g"),
        ("time", "45"),
        ("time", "00:45:00"),
        ("time", "1-12"),
        ("time", "2-00:00:00"),
        ("time", "UNLIMITED"),
        ("cpus-per-task", "8"),
        ("constraint", "[rack1*2&rack2]"),
        ("constraint", "intel|amd"),
        ("nodelist", "node[01-12,15],gpu-3"),
        ("exclusive", ""),
        ("exclusive", "user"),
        ("nice", "-5"),
        ("nice", ""),
        ("mail-type", "END,FAIL"),
        ("mail-user", "someone.else@cluster.example.org"),
        ("licenses", "matlab@slurmdb:2"),
        ("reservation", "biomero"),
        ("requeue", ""),
        ("switches", "1@00:10:00"),
        ("begin", "now+1hour"),
        ("begin", "2026-11-24T12:00:00"),
    ],
)
def test_what_sites_write(name: str, value: str) -> None:
    assert check_option(name, value) == value


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("wrap", "rm -rf ~", "the run has its own folder and script"),
        ("output", "/etc/x", "log is read for progress"),
        ("job-name", "x", "found again by it"),
        ("export", "ALL", "environment"),
        ("uid", "0", "account"),
        ("magic", "1", "none of the options"),
        ("p", "gpu", "none of the options"),
        ("", "", "none of the options"),
        ("partition", "", "cannot be ''"),
        ("partition", "gpu --wrap=id", "cannot be"),
        ("partition", "gpu\n#SBATCH --wrap=id", "cannot be"),
        ("partition", "gpu\n", "cannot be"),
        ("mem", "5\u212a", "cannot be"),
        ("partition", "$(id)", "cannot be"),
        ("partition", "'gpu'", "cannot be"),
        ("partition", "-gpu", "cannot be"),
        ("time", "soon", "cannot be"),
        ("mem", "15 GB", "cannot be"),
        ("mem", "-1", "cannot be"),
        ("cpus-per-task", "0", "cannot be"),
        ("gres", "gpu:1;id", "cannot be"),
        ("mail-user", "a@b -o x", "cannot be"),
        ("requeue", "yes", "takes no value"),
    ],
)
def test_what_is_refused(name: str, value: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_option(name, value)


def test_no_option_is_both_ours_and_theirs() -> None:
    assert not set(FORMS) & set(OURS)


@given(st.sampled_from(sorted(FORMS)), st.text(max_size=40) | st.text("gpu:1,-= \n'\"$;[]&|", max_size=20))
def test_whatever_passes_is_one_word(name: str, value: str) -> None:
    try:
        check_option(name, value)
    except ValueError:
        return
    (argument,) = option_arguments({name: value})
    assert argument.split() == [argument] and argument.isprintable() and not set(argument) & set("'\"\\$`;<>#")
    assert shlex.split(shlex.quote(argument)) == [argument]


def test_options_as_arguments() -> None:
    assert option_arguments({"partition": "gpu", "exclusive": ""}) == ["--partition=gpu", "--exclusive"]
