"""The job as Slurm gets it: sbatch's options, the script, and the workflow's arguments as data."""

from __future__ import annotations

from collections.abc import Sequence

from blocks.container_runtime import shell_words
from blocks.job_resources import resource_options
from blocks.remote_command import quote
from blocks.slurm_cluster import SlurmCluster
from contracts.failures import FailureCategory, FailureError, fail
from contracts.job_request import JobRequest
from contracts.sbatch_options import option_arguments

#: What the script ends with when it cannot write into the run's folder (EX_IOERR of sysexits.h).
CANNOT_WRITE = 74
#: Linux bounds one argument (MAX_ARG_STRLEN) and all together with the environment (a quarter of the stack, 8 MiB).
LONGEST_ARGUMENT = 128 * 1024 - 1
MOST_ARGUMENT_BYTES = 1 << 20


def sbatch_options(cluster: SlurmCluster, request: JobRequest) -> list[str]:
    """The words after `sbatch`, before the script's name. The job's name and comment are the run's token.

    They are options and not `#SBATCH` lines, because the account's SBATCH_ variables win over those.

    Raises:
        FailureError: BAD_REQUEST.
    """
    folder = attempt_folder(cluster, request)
    array = request.tasks != (0,)
    options = {
        "parsable": "",
        "job-name": str(request.token),
        "comment": str(request.token),
        "chdir": folder,
        "output": f"{folder}/{'%a' if array else '0'}.log",
        "open-mode": "append",
    }
    if array:
        limit = request.resources.at_once
        options["array"] = array_expression(request.tasks) + ("" if limit is None else f"%{limit}")
    further = resource_options(cluster, request.resources, request.options)
    if "no-requeue" not in further:
        options["requeue"] = ""
    return option_arguments(options | further)


def array_expression(tasks: Sequence[int]) -> str:
    """Tasks as sbatch reads them: `0-9,12`."""
    runs: list[list[int]] = []
    for task in sorted(set(tasks)):
        if runs and task == runs[-1][-1] + 1:
            runs[-1][1:] = [task]
        else:
            runs.append([task])
    return ",".join("-".join(str(task) for task in run) for run in runs)


def arguments_file(request: JobRequest) -> str:
    """What the job script reads to get the workflow's arguments: one word each, in single quotes.

    Raises:
        FailureError: BAD_REQUEST, for what no command line can hold.
    """
    sizes = [len(argument.encode()) + 1 for argument in request.arguments]
    if any("\0" in argument for argument in request.arguments):
        raise _bad_arguments("has a NUL character")
    if max(sizes, default=0) > LONGEST_ARGUMENT:
        raise _bad_arguments(f"is longer than {LONGEST_ARGUMENT} bytes")
    if sum(sizes) > MOST_ARGUMENT_BYTES:
        raise _bad_arguments(f"makes the command line longer than {MOST_ARGUMENT_BYTES} bytes")
    return f"set -- {quote(*request.arguments)}\n"


def job_script(cluster: SlurmCluster, request: JobRequest) -> str:
    """The script of a task. What differs from run to run is in the assignments at its head, quoted.

    Raises:
        FailureError: NOT_CONFIGURED when the request has no image for the cluster's container runtime.
    """
    resources = request.resources
    image = f"{cluster.images}/{request.image}" if request.image else ""
    memory_mb = str(resources.memory_mb or "")
    for placeholder, value in (("image", image), ("reference", request.reference), ("memory_mb", memory_mb)):
        if f"{{{placeholder}}}" in cluster.container_command and not value:
            raise fail(
                FailureCategory.NOT_CONFIGURED,
                f"The catalogue gives no {placeholder} of the workflow, which this cluster's container command needs.",
                next_step="Correct the workflow in the catalogue, or the container command in the SlurmCluster block.",
            )
    assignments = {
        "run": cluster.folder(request.token),
        "attempt": attempt_folder(cluster, request),
        "image": image,
        "reference": request.reference or "",
        "memory_mb": memory_mb,
        "cpus": str(resources.cpus),
        "limit": str(resources.minutes * 60),
    }
    start = shell_words(cluster.container_command, gpu=resources.gpus > 0, mounts=request.read_only)
    stop = ":" if cluster.container_stop is None else " ".join(shell_words(cluster.container_stop))
    head = "".join(f"{name}={quote(value)}\n" for name, value in assignments.items())
    return _SCRIPT.replace("@ASSIGNMENTS@\n", head).replace("@START@", " ".join(start)).replace("@STOP@", stop)


def attempt_folder(cluster: SlurmCluster, request: JobRequest) -> str:
    return f"{cluster.folder(request.token)}/attempt-{request.attempt}"


def _bad_arguments(why: str) -> FailureError:
    return fail(
        FailureCategory.BAD_REQUEST,
        f"A parameter of the workflow {why}.",
        next_step="Give a shorter value, or a file instead of it.",
    )


# Each start of a task (Slurm may start it again after a preemption or a dead node) works in a folder of its own and
# says in `TASK.running` that the task is its own: the processes of a node that Slurm takes for dead may live on, and
# must not write over what the later start makes. The job's number and its restarts alone do not name a start: a
# controller that is killed forgets its last seconds, and makes the same one again. `TASK.exitcode` is written last,
# when the results lie in `out/TASK`. `scancel`, a time limit and a preemption all send TERM; which of them it was,
# Slurm knows, but the clock tells a time limit on clusters without accounting. --signal is not used: it may come a
# minute early and costs the job that time.
_SCRIPT = r"""#!/bin/bash
# A task of an analysis run. What a user typed is in the file `arguments` and nowhere else.
@ASSIGNMENTS@
umask 077
task=${SLURM_ARRAY_TASK_ID:-0}
job=${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}
restarts=${SLURM_RESTART_COUNT:-0}
own=$SLURM_JOB_ID.$restarts.$$
place=$attempt/work/$task.$own
in=$run/staged/in/$task gt=$run/staged/gt files=$run/staged/files
out=$place/out work=$place/tmp data=$place/data
name=omero-flows-$own
node=${SLURMD_NODENAME:-$(hostname)}
signal=- child=
started=${SLURM_JOB_START_TIME:-$(date +%s)}

put() { printf '%s\n' "$2" > "$attempt/.$1.$own" && mv -f -- "$attempt/.$1.$own" "$attempt/$1"; }

finish() {
    code=$?
    trap '' TERM INT HUP
    rm -rf -- "$work" "$data"
    if [ "$(cat -- "$attempt/$task.running")" != "$own" ]; then
        echo "omero-flows: this task was started again elsewhere; nothing of this start is kept"
        rm -rf -- "$place"
        exit "$code"
    fi
    chmod u+rwx -- "$out"
    rm -rf -- "$attempt/out/$task" && mv -T -- "$out" "$attempt/out/$task" || [ "$code" != 0 ] || code=74
    rm -rf -- "$place"
    ended=$(date +%s)
    late=no
    [ "$signal" = - ] || [ $((ended - started)) -lt $((limit - 5)) ] || late=yes
    verdict="task=$task code=$code signal=$signal late=$late restarts=$restarts job=$job node=$node"
    put "$task.exitcode" "$verdict started=$started ended=$ended" || code=74
    echo "omero-flows: task $task ended with $code"
    exit "$code"
}

stop() {
    signal=$1
    echo "omero-flows: task $task was told to end (SIG$1)"
    @STOP@ > /dev/null 2>&1
    if [ -n "$child" ]; then
        kill -TERM "$child" 2> /dev/null
        { sleep 1; kill -KILL "$child"; } 2> /dev/null &
        wait "$child"
    fi
    exit "$2"
}

put "$task.running" "$own" && put job.id "$job" && rm -f -- "$attempt/$task.exitcode" || exit 74
trap finish EXIT
trap 'stop TERM 143' TERM
trap 'stop INT 130' INT
trap 'stop HUP 129' HUP
echo "omero-flows: task $task of job $job begins on $node, start $((restarts + 1))"
mkdir -p -- "$out" "$work" "$data/in" "$data/gt" "$data/files" "$data/out" || exit 74
. "$attempt/arguments" || exit 74
export USER="${USER:-$(id -un)}"
@START@ "$@" &
child=$!
wait "$child"
"""
