"""The container images on the cluster: which are there, and how the others get there.

Images are pulled by jobs, because login nodes allow neither the memory nor the time: one job array, a few tasks at a
time. Each is made under another name and renamed when it is whole; one that is there is never touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from blocks.image_pull import pull_words
from blocks.job_queue import read_sections
from blocks.remote_command import RemoteScript, quote
from blocks.slurm_cluster import SlurmCluster
from blocks.ssh_connection import SshConnection
from contracts.sbatch_options import option_arguments

#: Pulls that run at the same time.
AT_ONCE = 4
#: Seconds that all pulls together may take; an image of some gigabytes is converted in minutes.
PULL_SECONDS = 4 * 3600

#: Arguments: the folder, then the files below it. Answers the bytes of each that is there.
_LOOK = RemoteScript(
    "look for container images",
    """\
mkdir -p -- "$1" && cd -- "$1" || exit 73
shift
for file; do
    [ ! -s "$file" ] || emit "$file" 0 "$(stat -L -c %s -- "$file")"
done
""",
)

#: Arguments: the folder, the number of images, sbatch's options; the commands come through standard input, a line each.
_PULL = RemoteScript(
    "pull container images",
    """\
mkdir -p -- "$1/.pull" && cd -- "$1/.pull" || exit 73
count=$2
shift 2
cat > commands || exit 74
cat > pull.sh << 'END'
#!/bin/sh
exec sh -c "$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" commands)"
END
timeout @SECONDS@ sbatch --wait --parsable "--array=0-$((count - 1))%@AT_ONCE@" --job-name=omero-flows-pull \\
    "--chdir=$PWD" --output=%a.log "$@" pull.sh > sbatch.out 2> sbatch.err
emit ended $? "$(tail -n 5 sbatch.err)"
number=0
while [ "$number" -lt "$count" ]; do
    emit "log-$number" 0 "$(tail -n 5 "$number.log" 2> /dev/null)"
    number=$((number + 1))
done
""".replace("@SECONDS@", str(PULL_SECONDS)).replace("@AT_ONCE@", str(AT_ONCE)),
)


@dataclass(frozen=True)
class StoredImage:
    """An image that a workflow needs: its name in a registry, and its file below the cluster's folder of images."""

    reference: str
    path: str


def find_images(cluster: SlurmCluster, connection: SshConnection, paths: Sequence[str]) -> dict[str, int]:
    """The bytes of those that are there.

    Raises:
        FailureError: CLUSTER_UNREACHABLE, CLUSTER_REFUSED.
    """
    if not paths:
        return {}
    result = connection.run(_LOOK, cluster.images, *paths)
    return {section.name: int(section.lines[0]) for section in read_sections(connection, _LOOK, result)}


def pull_images(cluster: SlurmCluster, connection: SshConnection, images: Sequence[StoredImage]) -> dict[str, str]:
    """Pull images; what the pulls of each printed last, by path. Ask `find_images` what has come.

    Raises:
        FailureError: CLUSTER_UNREACHABLE, CLUSTER_REFUSED.
    """
    if not images:
        return {}
    commands = "".join(f"{pull_command(cluster, image)}\n" for image in images)
    result = connection.run(
        _PULL,
        cluster.images,
        str(len(images)),
        *option_arguments(_pull_options(cluster)),
        stdin=commands.encode(),
        silent_seconds=PULL_SECONDS + 60.0,
    )
    answer = {section.name: "\n".join(section.lines) for section in read_sections(connection, _PULL, result)}
    return {image.path: answer.get(f"log-{number}") or answer.get("ended", "") for number, image in enumerate(images)}


def _pull_options(cluster: SlurmCluster) -> dict[str, str]:
    """What the site asks for with every job (an account, a QOS), and what pulling takes."""
    wanted = {
        "partition": cluster.default_partition,
        "cpus-per-task": None if cluster.pull_cpus is None else str(cluster.pull_cpus),
        "mem": None if cluster.pull_memory_mb is None else f"{cluster.pull_memory_mb}M",
    }
    return {name: value for name, value in wanted.items() if value is not None} | cluster.sbatch_options


def pull_command(cluster: SlurmCluster, image: StoredImage) -> str:
    """One line of shell that leaves the image whole in its place, or nothing there."""
    folder, _, name = f"{cluster.images}/{image.path}".rpartition("/")
    partial = f"{folder}/.{name}.partial"
    pull = pull_words(cluster.image_pull, reference=image.reference, file=name, destination=partial)
    return (
        f"mkdir -p {quote(folder)} && rm -rf {quote(partial)} && {pull} && test -s {quote(partial)}"
        f" && mv -f {quote(partial)} {quote(f'{folder}/{name}')}"
    )
