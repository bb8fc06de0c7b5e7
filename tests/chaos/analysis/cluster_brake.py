"""Brakes on the cluster: a command of a run's step stands at an exact point, or takes its connection down there.

The cluster's block finds programs of ours in front of the real ones (`slurm_folder`). Each looks for a file
`<run>.<program>@<folder>.<moment>`, or `any.` for whichever run comes first, and takes it by renaming it to
`....reached`. The file's text says what is done then: `stand` until that file is removed, or `cut`: kill the sshd of
this login; `cut and die` ends the script, too.
"""

from __future__ import annotations

import os
from uuid import UUID

from sandbox.cluster.machine import SCRATCH, Machine
from sandbox.site import Site
from tests.chaos.waiting import wait_for

#: Below scratch, and no folder of a run.
PROGRAMS, BRAKES = "brake-programs", "brakes"

#: `before` and `after` the real program. Of those that pass bytes on (dd, head -c), `middle` is when half are through.
_PROGRAM = r"""#!/bin/sh
program=${0##*/}
case $PATH in "${0%/*}":*) PATH=${PATH#*:} ;; esac
real=$(command -v "$program")
case $PWD in
@SCRATCH@/*/*) run=${PWD#@SCRATCH@/} run=${run%%/*} where=${PWD##*/} ;;
@SCRATCH@/*) run=${PWD##*/} where=run ;;
*) for last do :; done; run=${last#./} where=scratch ;;
esac
[ "$real" != "$0" ] || exit 127
own=@SCRATCH@/@BRAKES@/$run.$program@$where
any=@SCRATCH@/@BRAKES@/any.$program@$where

up() { ps -o ppid= -p "$1" | tr -d ' '; }
is_set() { [ -e "$own.$1" ] || [ -e "$any.$1" ]; }
pass() {
    for place in "$own" "$any"; do
        if mv "$place.$1" "$place.$1.reached" 2> /dev/null; then stop_at "$place.$1.reached"; fi
    done
}
stop_at() {
    what=$(cat "$1")
    case $what in
    stand) while [ -e "$1" ]; do sleep 0.1; done ;;
    cut*)
        pid=$$
        while [ "$(ps -o comm= -p "$pid")" != sshd ]; do pid=$(up "$pid"); done
        kill -9 "$pid"
        case $what in *die) kill -9 "$(up "$PPID")" "$PPID" $$ ;; esac ;;
    esac
}
some() { dd bs=64K "count=$1" iflag=count_bytes,fullblock status=none; }

is_set before || is_set middle || is_set after || exec "$real" "$@"
pass before
if is_set middle; then
    case $program in
    dd) for word do case $word in count=*) size=${word#count=} ;; esac; done ;;
    head) size=$2 ;;
    esac
    some "$((size / 2))"
    pass middle
    some "$((size - size / 2))"
else
    "$real" "$@"
fi
code=$?
pass after
exit "$code"
"""


def install_brakes(site: Site) -> str:
    """Put the programs there; returns their folder as the cluster sees it, for the block."""
    scratch = Machine(site.home).scratch
    account = scratch.stat()
    for folder in (scratch / PROGRAMS, scratch / BRAKES):
        folder.mkdir(exist_ok=True)
        os.chown(folder, account.st_uid, account.st_gid)
    for program in ("sbatch", "squeue", "dd", "head", "tar", "chmod", "rm"):
        file = scratch / PROGRAMS / program
        file.write_text(_PROGRAM.replace("@SCRATCH@", SCRATCH).replace("@BRAKES@", BRAKES))
        file.chmod(0o755)
    return f"{SCRATCH}/{PROGRAMS}"


class ClusterBrake:
    """One brake, set at once, for one run or for the first that comes. `point`: for example `dd@.partial.middle`."""

    def __init__(self, site: Site, point: str, what: str = "stand", *, run: UUID | None = None) -> None:
        folder = Machine(site.home).scratch / BRAKES
        account = folder.stat()
        self.point = point
        self._set = folder / f"{run or 'any'}.{point}"
        self._reached = folder / f"{self._set.name}.reached"
        # Renamed into its place: a command that finds it finds its text too.
        unset = folder / f".{self._set.name}"
        unset.write_text(what)
        os.chown(unset, account.st_uid, account.st_gid)
        unset.rename(self._set)

    @property
    def is_reached(self) -> bool:
        return self._reached.exists()

    def wait_until_reached(self) -> None:
        wait_for(f"a command to reach the brake {self.point}", lambda: self.is_reached)

    def release(self) -> None:
        """Let the command go on; a brake that nothing reached is taken away."""
        self._set.unlink(missing_ok=True)
        self._reached.unlink(missing_ok=True)


def release_brakes(site: Site) -> None:
    """Take every brake away, whoever set it."""
    for file in (Machine(site.home).scratch / BRAKES).glob("*"):
        file.unlink()
