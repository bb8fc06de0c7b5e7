"""End a run's job, and see to it that none is submitted any more."""

from __future__ import annotations

from uuid import UUID

from blocks.job_queue import SHELL_FUNCTIONS, read_queue, read_sections
from blocks.remote_command import RemoteScript
from blocks.slurm_cluster import SlurmCluster
from blocks.ssh_connection import SshConnection
from blocks.ssh_failures import scheduler_unavailable
from contracts.slurm_job import QueuedJob, SubmittedJob

#: Arguments: scratch, token, the job's number or -, its cluster or -. A submission that is under way finds `cancelled`
#: either before it calls sbatch or after, and then cancels its job itself. The name is needed beside the number: an
#: array's number is not known before the reply, and a number alone may by now be another's.
_CANCEL = RemoteScript(
    "cancel the job",
    SHELL_FUNCTIONS
    + """\
folder=$1/$2 token=$2 number=$3 cluster=$4
if own "$folder" 2> /dev/null; then
    for attempt in "$folder"/attempt-*; do
        [ ! -d "$attempt" ] || : > "$attempt/cancelled"
    done
fi
set -- "--user=$(id -un)" "--name=$token"
[ "$cluster" = - ] || set -- "$@" "--clusters=$cluster"
timeout 60 scancel "$@" >&2
emit cancel $? ''
if [ "$number" != - ]; then
    timeout 60 scancel --quiet "$@" "$number" >&2
    emit number $? ''
fi
ask_queue "$@"
""",
)


def cancel(
    cluster: SlurmCluster, connection: SshConnection, token: UUID, job: SubmittedJob | None = None
) -> list[QueuedJob]:
    """Cancel every job of the run and everything they started; what squeue then still shows of them.

    Those end within Slurm's KillWait. A run without a job is no failure.

    Raises:
        FailureError: SCHEDULER_UNAVAILABLE, CLUSTER_UNREACHABLE, CLUSTER_REFUSED.
    """
    number, where = ("-", "-") if job is None else (str(job.number), job.cluster or "-")
    scratch = cluster.scratch if job is None else cluster.at(job.scratch).scratch
    result = connection.run(_CANCEL, scratch, str(token), number, where)
    answer = read_sections(connection, _CANCEL, result)
    if any(section.name == "cancel" and section.code != 0 for section in answer):
        raise scheduler_unavailable(str(connection.target), result.stderr)
    return read_queue(connection, result, answer)
