"""A run's folder on the cluster, and the one question with which every step begins: what is done already?

    <scratch>/<token>/            0700; the token is the run's UUID
        staged/                   verified inputs: in/<task>/<file>, files/<parameter>/<file>, gt/, and `manifest`
        .partial/                 the same while it arrives; renamed to `staged` when every file has verified
        attempt-<n>/              one submission
            submit.intent         somebody set out to submit (seconds since the epoch)
            submit.code .out .err what sbatch said; `.code` is written last
            cancelled             nothing is to be submitted here any more
            job.sh, arguments     what was submitted
            job.id                the job's number, written by the job itself
            <task>.log            what the task printed
            <task>.running        which start of the task owns it
            <task>.exitcode       how it ended, written by its own trap
            out/<task>/           its results
            work/                 of tasks that run

No name in it comes from a user, and no path is ever taken from what a job prints.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from uuid import UUID

from blocks.job_queue import CLOCK_MARGIN, SHELL_FUNCTIONS, read_accounting, read_queue, read_sections
from blocks.remote_command import RemoteScript, Section
from blocks.slurm_answers import parse_exit
from blocks.slurm_cluster import SlurmCluster
from blocks.ssh_connection import SshConnection
from blocks.ssh_failures import not_understood
from blocks.submission_reply import job_number
from contracts.remote_run import Attempt, RemoteFolder, RemoteRun
from contracts.staged_input import StagedFile

#: Seconds that removing a folder, or looking through a large one, may be silent.
FOLDER_SECONDS = 600.0

#: Arguments: scratch, token.
_PREPARE_FOLDER = RemoteScript(
    "prepare the run's folder",
    """\
scratch=$1 folder=$1/$2
mkdir -p -- "$scratch" || exit 73
[ -e "$folder" ] || [ -L "$folder" ] || mkdir -m 0700 -- "$folder" || [ -d "$folder" ] || exit 73
own "$folder" && cd -- "$folder" || exit 73
emit now "$(date +%s)" ''
emit free "$(df -P -k . | awk 'NR == 2 { print $4 }')" ''
if [ -d staged ]; then
    emit manifest 0 "$(cat staged/manifest)"
    emit sizes 0 "$(cd staged && find in files gt \\( -type f -o -type l \\) -printf '%y %s %p\\n')"
fi
[ ! -d .partial ] || emit partial 0 "$(cd .partial && find . -type f -printf '%s %P\\n')"
for attempt in attempt-*; do
    [ -d "$attempt" ] || continue
    emit attempt "${attempt#attempt-}" ''
    for name in submit.intent submit.out submit.err job.id; do
        [ ! -e "$attempt/$name" ] || emit "$name" 0 "$(head -c 8192 -- "$attempt/$name")"
    done
    [ ! -e "$attempt/submit.code" ] || emit submit.code "$(cat -- "$attempt/submit.code")" ''
    [ ! -e "$attempt/cancelled" ] || emit cancelled 0 ''
    emit exits 0 "$(find "$attempt" -maxdepth 1 -name '[0-9]*.exitcode' -exec cat {} +)"
done
""",
)

#: Further arguments: seconds since the epoch, accounting (yes or no). squeue and sacct are asked at the same time: a
#: job that has ended is known to both for minutes, so that none is missed between them.
_PREPARE = RemoteScript(
    _PREPARE_FOLDER.name,
    SHELL_FUNCTIONS
    + _PREPARE_FOLDER.text
    + """\
token=$2 began=$3 accounting=$4
ask_queue "--user=$(id -un)" "--name=$token" | {
    [ "$accounting" != yes ] || ask_accounting "--starttime=$(since "$began")" "--name=$token" < /dev/null
    cat
}
""",
)

#: Arguments: scratch, then tokens. The folder's own name is all that is removed; a link is no folder.
_TIDY = RemoteScript(
    "remove folders of runs",
    """\
cd -- "$1" || exit 73
shift
for token do
    own "$token" 2> /dev/null || continue
    chmod -R u+rwX -- "$token"
    rm -rf -- "./$token" || exit 74
done
""",
)

#: Argument: scratch. A folder's age is that of its youngest entry.
_FOLDERS = RemoteScript(
    "list folders of runs",
    """\
emit now "$(date +%s)" ''
[ -d "$1" ] || exit 0
cd -- "$1" || exit 73
for folder in ????????-????-????-????-????????????; do
    own "$folder" 2> /dev/null || continue
    emit "$folder" "$(find "$folder" -maxdepth 2 -printf '%T@\\n' | sort -n | tail -n 1 | cut -d . -f 1)" ''
done
""",
)


def prepare_folder(cluster: SlurmCluster, connection: SshConnection, token: UUID) -> RemoteFolder:
    """Make the run's folder if it is not there, and say what is in it: one command. Slurm is not asked.

    Raises:
        FailureError: CLUSTER_UNREACHABLE, CLUSTER_REFUSED, SCRATCH_FULL.
    """
    result = connection.run(_PREPARE_FOLDER, cluster.scratch, str(token), silent_seconds=FOLDER_SECONDS)
    answer = read_sections(connection, _PREPARE_FOLDER, result)
    try:
        return _folder(token, answer)
    except ValueError as error:
        raise not_understood(str(connection.target), _PREPARE_FOLDER.name, error, result.text) from error


def prepare(cluster: SlurmCluster, connection: SshConnection, token: UUID, *, began: datetime) -> RemoteRun:
    """The same, and what Slurm knows of the run's jobs: one command.

    `began`: when the run was ordered; Slurm's accounting is searched from then on.

    Raises:
        FailureError: CLUSTER_UNREACHABLE, CLUSTER_REFUSED, SCRATCH_FULL, SCHEDULER_UNAVAILABLE.
    """
    since = str(int((began - CLOCK_MARGIN).timestamp()))
    accounting = "yes" if cluster.accounting else "no"
    result = connection.run(_PREPARE, cluster.scratch, str(token), since, accounting, silent_seconds=FOLDER_SECONDS)
    answer = read_sections(connection, _PREPARE, result)
    queued = read_queue(connection, result, answer)
    accounted = read_accounting(connection, answer)
    try:
        folder = _folder(token, answer)
    except ValueError as error:
        raise not_understood(str(connection.target), _PREPARE.name, error, result.text) from error
    return RemoteRun(**dict(folder), queued=tuple(queued), accounted=tuple(accounted))


def tidy(cluster: SlurmCluster, connection: SshConnection, *tokens: UUID) -> None:
    """Remove the folders of runs, and nothing else. A folder that is not there is no failure.

    Raises:
        FailureError: CLUSTER_UNREACHABLE, CLUSTER_REFUSED.
    """
    connection.run(_TIDY, cluster.scratch, *(str(token) for token in tokens), silent_seconds=FOLDER_SECONDS)


def list_folders(cluster: SlurmCluster, connection: SshConnection) -> dict[UUID, float]:
    """The runs that have a folder below scratch, and for how many days nothing has changed in it.

    Raises:
        FailureError: CLUSTER_UNREACHABLE, CLUSTER_REFUSED.
    """
    result = connection.run(_FOLDERS, cluster.scratch, silent_seconds=FOLDER_SECONDS)
    answer = read_sections(connection, _FOLDERS, result)
    now = _code(answer, "now")
    return {
        UUID(section.name): (now - section.code) / 86400
        for section in answer
        if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", section.name)
    }


def parse_manifest(lines: tuple[str, ...]) -> dict[str, StagedFile | None]:
    """The manifest of what is staged, by path: `<sha256> <size> <path>` a file, `link - <path>` a link (None).

    Raises:
        ValueError: a line is none.
    """
    found: dict[str, StagedFile | None] = {}
    for line in lines:
        first, size, path = line.split(" ", 2)
        found[path] = None if first == "link" else StagedFile(path=path, size=int(size), sha256=first)
    return found


def _folder(token: UUID, answer: list[Section]) -> RemoteFolder:
    return RemoteFolder(
        token=token,
        now=_moment(_code(answer, "now")),
        free_bytes=_code(answer, "free") * 1024,
        staged=_staged(answer),
        links=tuple(line.split(" ", 2)[2] for line in _lines(answer, "sizes") if line.startswith("l ")),
        partial={path: int(size) for size, path in (line.split(" ", 1) for line in _lines(answer, "partial"))},
        attempts=_attempts(answer),
    )


def _staged(answer: list[Section]) -> tuple[StagedFile, ...] | None:
    """What is staged, if it still is: a cluster may remove old files of a scratch folder by itself."""
    if not any(section.name == "manifest" for section in answer):
        return None
    manifest = parse_manifest(_lines(answer, "manifest"))
    there = {path: (kind, int(size)) for kind, size, path in (line.split(" ", 2) for line in _lines(answer, "sizes"))}
    for path, file in manifest.items():
        kind, size = there.get(path, ("", 0))
        if (kind != "l") if file is None else (kind, size) != ("f", file.size):
            return None
    return tuple(file for file in manifest.values() if file is not None)


def _attempts(answer: list[Section]) -> tuple[Attempt, ...]:
    groups: list[list[Section]] = []
    for section in answer:
        if section.name == "attempt":
            groups.append([section])
        elif section.name in {"queue", "accounting", "controller"}:
            break
        elif groups:
            groups[-1].append(section)
    return tuple(sorted((_attempt(group) for group in groups), key=lambda attempt: attempt.number))


def _attempt(group: list[Section]) -> Attempt:
    there = {section.name for section in group}
    text = {section.name: "\n".join(section.lines) for section in group}
    submitted = job_number(text.get("submit.out", ""))
    number = job_number(text.get("job.id", "")) or submitted
    reply = f"{text.get('submit.out', '')}\n{text.get('submit.err', '')}".strip()
    return Attempt(
        number=group[0].code,
        intent=_moment(int(text["submit.intent"])) if "submit.intent" in there else None,
        job=number and number[0],
        cluster=submitted and submitted[1],
        reply=reply if number is None and "submit.code" in there else None,
        cancelled="cancelled" in there,
        exits=tuple(parse_exit(line) for line in _lines(group, "exits")),
    )


def _lines(answer: list[Section], name: str) -> tuple[str, ...]:
    return tuple(line for section in answer if section.name == name for line in section.lines if line)


def _code(answer: list[Section], name: str) -> int:
    for section in answer:
        if section.name == name:
            return section.code
    raise ValueError(f"the answer has no section {name!r}")


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
