"""Submit a run's job exactly once.

The intent is written before sbatch is called, and what is found under the run's name and the attempt's folder (the
job's own `job.id`, sbatch's reply, squeue, sacct) is adopted. Where an intent is there and no job is, sbatch may be at
work just now, or Slurm may take the job late: until the intent is older than `DOUBT_SECONDS`, nothing is submitted.
That is the guarantee's limit: a controller that takes a request more than that later than sbatch gave up, and
meanwhile answers squeue, would make a second job. Both have the run's name, and the first one to start owns its tasks.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from blocks.job_queue import origin, read_sections
from blocks.job_script import arguments_file, job_script, sbatch_options
from blocks.remote_command import RemoteScript, Section, sections
from blocks.slurm_cluster import SlurmCluster
from blocks.ssh_connection import SshConnection
from blocks.ssh_failures import InterruptedCommandError, not_understood
from blocks.submission_reply import Refusal, classify_refusal, in_doubt, job_number, refused
from contracts.failures import FailureCategory, FailureError, fail
from contracts.job_request import JobRequest
from contracts.remote_run import Attempt, RemoteRun
from contracts.slurm_job import SubmittedJob

#: Seconds after which sbatch is ended; Slurm's own MessageTimeout is 10 by default, and up to 100 on large sites.
SBATCH_SECONDS = 90
#: Seconds after an intent during which its job may still come up.
DOUBT_SECONDS = SBATCH_SECONDS + 30

#: Arguments: scratch, token, attempt, the intent that is to be taken over (or -), bytes of job.sh, bytes of arguments,
#: then sbatch's options. Both files come through standard input. Hanging up does not end it: sbatch's reply is to be
#: written down. A hard link is made only if its name is not there: of two who try, one submits.
_SUBMIT = RemoteScript(
    "submit the job",
    """\
trap '' HUP PIPE
token=$2 folder=$1/$2/attempt-$3 expected=$4 script=$5 arguments=$6
shift 6
mkdir -p -- "$folder/out" "$folder/work" && cd -- "$folder" || exit 73
if [ -e job.id ]; then emit adopted 0 "$(cat job.id)"; exit 0; fi
if [ "$expected" != - ]; then
    [ "$(cat submit.intent)" = "$expected" ] && mv submit.intent ".intent.$expected" || { emit busy 0 ''; exit 0; }
    rm -f submit.code submit.out submit.err
fi
date +%s > .intent.$$ || exit 74
if ! ln .intent.$$ submit.intent 2> /dev/null; then rm -f .intent.$$; emit busy 0 ''; exit 0; fi
rm -f .intent.$$
emit intent "$(cat submit.intent)" ''
head -c "$script" > job.sh && head -c "$arguments" > arguments || exit 74
if [ "$(cat job.sh arguments | wc -c)" != "$((script + arguments))" ]; then
    rm -f submit.intent
    echo 'the job script did not arrive whole' >&2
    exit 74
fi
if [ -e cancelled ]; then rm -f submit.intent; emit cancelled 0 ''; exit 0; fi
timeout @SECONDS@ sbatch "$@" job.sh < /dev/null > submit.out 2> submit.err
code=$?
echo "$code" > .code && mv .code submit.code
[ ! -e cancelled ] || scancel --quiet "--user=$(id -un)" "--name=$token"
emit submitted "$code" "$(head -c 8192 submit.out)"
emit said "$code" "$(head -c 8192 submit.err)"
""".replace("@SECONDS@", str(SBATCH_SECONDS)),
)


def find_job(cluster: SlurmCluster, run: RemoteRun, request: JobRequest) -> SubmittedJob | None:
    """The job of an attempt, by any of its traces; None when there is none."""
    attempt = next((one for one in run.attempts if one.number == request.attempt), None)
    number = None if attempt is None else attempt.job
    probe = SubmittedJob(
        token=request.token,
        attempt=request.attempt,
        number=1,
        tasks=request.tasks,
        submitted=run.now if attempt is None or attempt.intent is None else attempt.intent,
        cluster=None if attempt is None else attempt.cluster,
        scratch=cluster.scratch,
    )
    if number is None:
        traces = [(row.name, row.folder, row.number) for row in run.queued]
        traces += [(entry.name, entry.folder, entry.number) for entry in run.accounted]
        number = max((number for *where, number in traces if tuple(where) == origin(cluster, probe)), default=None)
    return None if number is None else probe.model_copy(update={"number": number})


def submit(cluster: SlurmCluster, connection: SshConnection, run: RemoteRun, request: JobRequest) -> SubmittedJob:
    """Submit the job, or adopt the one that is there. `run` is what `prepare` has just said over this connection.

    Raises:
        FailureError: SUBMISSION_IN_DOUBT and SCHEDULER_UNAVAILABLE (prepare again, then call this again),
            JOB_REFUSED, BAD_REQUEST, NOT_CONFIGURED, CANCELLED, CLUSTER_UNREACHABLE, CLUSTER_REFUSED, SCRATCH_FULL.
    """
    found = find_job(cluster, run, request)
    if found is not None:
        return found
    attempt = next((one for one in run.attempts if one.number == request.attempt), Attempt(number=request.attempt))
    if attempt.cancelled:
        raise _cancelled()
    options, script, arguments = sbatch_options(cluster, request), job_script(cluster, request), arguments_file(request)
    try:
        result = connection.run(
            _SUBMIT,
            cluster.scratch,
            str(request.token),
            str(request.attempt),
            _intent_to_take_over(run, attempt),
            str(len(script.encode())),
            str(len(arguments.encode())),
            *options,
            stdin=(script + arguments).encode(),
            silent_seconds=SBATCH_SECONDS + 60.0,
        )
    except InterruptedCommandError as cut:
        # What came before the cut may hold the job's number; half a line may hold half a number.
        answer = _sections(cut.stdout[: cut.stdout.rfind(b"\n") + 1].decode("utf-8", "replace"))
        if job_number("\n".join(answer["submitted"].lines) if "submitted" in answer else "") is None:
            raise
    else:
        answer = {section.name: section for section in read_sections(connection, _SUBMIT, result)}
    if "busy" in answer:
        raise in_doubt("another process is submitting this job")
    if "cancelled" in answer:
        raise _cancelled()
    said = answer.get("adopted") or answer.get("submitted")
    if said is None:
        raise not_understood(
            str(connection.target), _SUBMIT.name, ValueError("neither number nor refusal"), str(answer)
        )
    number = job_number("\n".join(said.lines))
    if number is None:
        raise refused("\n".join((*said.lines, *answer["said"].lines)) if "said" in answer else "")
    intent = answer.get("intent")
    return SubmittedJob(
        token=request.token,
        attempt=request.attempt,
        number=number[0],
        tasks=request.tasks,
        submitted=run.now if intent is None else datetime.fromtimestamp(intent.code, UTC),
        cluster=number[1],
        scratch=cluster.scratch,
    )


def _intent_to_take_over(run: RemoteRun, attempt: Attempt) -> str:
    """`-` for a first submission; the earlier intent where it is certain that it made no job.

    Raises:
        FailureError: SUBMISSION_IN_DOUBT, while it is not certain.
    """
    if attempt.intent is None:
        return "-"
    certain = attempt.reply is not None and classify_refusal(attempt.reply) is not Refusal.DOUBT
    if not certain and run.now - attempt.intent < timedelta(seconds=DOUBT_SECONDS):
        raise in_doubt(attempt.reply or "sbatch has not come back yet, or was ended before it did")
    return str(int(attempt.intent.timestamp()))


def _sections(text: str) -> dict[str, Section]:
    try:
        return {section.name: section for section in sections(text)}
    except ValueError:
        return {}


def _cancelled() -> FailureError:
    return fail(
        FailureCategory.CANCELLED,
        "The run was cancelled before its job was submitted.",
        next_step="Retry the run if you want it after all.",
    )
