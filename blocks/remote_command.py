"""What is sent to the cluster's login shell: constant scripts of ours, and words that stay words.

This is the one place where a remote command line is put together. A script is POSIX shell text of this project and is
never built from anything else; all that varies goes in as arguments, each quoted as one word, and what is long or comes
from files goes in through standard input.
"""

from __future__ import annotations

import secrets
import shlex
from dataclasses import dataclass

#: sshd hands the whole command line to the login shell as one argument, which Linux bounds (MAX_ARG_STRLEN).
LONGEST_COMMAND = 128 * 1024 - 1024

#: What begins every answer. A login shell's start-up file may print a greeting before; all before the mark is dropped.
#: `emit NAME CODE TEXT` prints one section: its name and code, then each line of the text behind a space.
#: `own FOLDER` says no to a folder that is somebody else's, or a link: scratch folders may be everybody's.
_PREAMBLE = """\
mark=$1; PATH=${2:+$2:}$PATH; LC_ALL=C; SLURM_TIME_FORMAT=%s; SLURM_BITSTR_LEN=0
export PATH LC_ALL SLURM_TIME_FORMAT SLURM_BITSTR_LEN
unset SQUEUE_ACCOUNT SQUEUE_ALL SQUEUE_ARRAY SQUEUE_FEDERATION SQUEUE_FORMAT SQUEUE_FORMAT2 SQUEUE_LICENSES \
SQUEUE_LOCAL SQUEUE_NAMES SQUEUE_PARTITION SQUEUE_PRIORITY SQUEUE_QOS SQUEUE_SIBLING SQUEUE_SORT SQUEUE_STATES \
SQUEUE_USERS SACCT_FEDERATION SACCT_LOCAL SACCT_FORMAT SCANCEL_NAME SCANCEL_STATE SCANCEL_PARTITION SCANCEL_USER \
SCANCEL_ACCOUNT SCANCEL_QOS SCANCEL_WCKEY SCANCEL_INTERACTIVE SCANCEL_BATCH SCANCEL_FULL SCANCEL_CTLD
shift 2
emit() { printf '%s %s\\n' "$1" "$2"; [ -z "$3" ] || printf '%s\\n' "$3" | sed 's/^/ /'; }
own() { [ -d "$1" ] && [ ! -L "$1" ] && [ -O "$1" ] || { echo "$1 is not a folder of this account" >&2; return 1; }; }
umask 077
printf '\\n%s\\n' "$mark"
"""


#: `sum_files`: lines `<sha256> *<path>` for paths from standard input that end with a NUL and have no line end.
#: `sum_input`: the SHA-256 of standard input. GNU's sha256sum is built without the processor's instructions on some
#: systems, and then five times slower than openssl.
SUM_FILES = """\
sum_files() {
    if openssl version > /dev/null 2>&1; then
        xargs -0 -r openssl dgst -sha256 -r
    else
        xargs -0 -r sha256sum --binary --
    fi
}
sum_input() {
    if openssl version > /dev/null 2>&1; then openssl dgst -sha256 -r; else sha256sum --binary; fi | cut -d ' ' -f 1
}
"""


@dataclass(frozen=True)
class RemoteScript:
    """A POSIX shell script. `name` is what people see when it fails: `submit a job`."""

    name: str
    text: str


@dataclass(frozen=True)
class RemoteCommand:
    """A command line, and the mark after which its answer begins."""

    name: str
    line: str
    mark: bytes


def command(script: RemoteScript, *arguments: str, slurm_folder: str = "") -> RemoteCommand:
    """The command line that runs a script with arguments.

    Raises:
        ValueError: an argument has a NUL, or all together are longer than a command line may be.
    """
    mark = f"omero-flows-{secrets.token_hex(8)}"
    line = quote("sh", "-c", _PREAMBLE + script.text, "omero-flows", mark, slurm_folder, *arguments)
    if len(line.encode()) > LONGEST_COMMAND:
        raise ValueError(f"the command to {script.name} is longer than {LONGEST_COMMAND} bytes")
    return RemoteCommand(script.name, line, f"\n{mark}\n".encode())


def quote(*words: str) -> str:
    """Words as a POSIX shell reads them back: the same words, whatever is in them.

    Raises:
        ValueError: a word has a NUL, which no command line can hold.
    """
    if any("\0" in word for word in words):
        raise ValueError("a word has a NUL character")
    return shlex.join(words)


@dataclass(frozen=True)
class Section:
    """One part of an answer, as `emit` prints it. `code` is an exit status or a number, as the script says."""

    name: str
    code: int
    lines: tuple[str, ...]


def sections(answer: str) -> list[Section]:
    """The sections of an answer, in sequence.

    Raises:
        ValueError: it is no answer of a script of ours.
    """
    found: list[tuple[str, int, list[str]]] = []
    for line in answer.split("\n"):
        if line.startswith(" "):
            if not found:
                raise ValueError(f"{line[:80]!r} belongs to no section")
            found[-1][2].append(line[1:])
        elif line:
            name, _, code = line.partition(" ")
            if not code.lstrip("-").isdigit():
                raise ValueError(f"{line[:80]!r} is no section")
            found.append((name, int(code), []))
    return [Section(name, code, tuple(lines)) for name, code, lines in found]
