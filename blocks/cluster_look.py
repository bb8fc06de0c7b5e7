"""What a login to the cluster finds there: Slurm's version and partitions, accounting, space."""

from __future__ import annotations

from dataclasses import dataclass

from blocks.job_queue import read_sections
from blocks.remote_command import RemoteScript
from blocks.slurm_cluster import SlurmCluster
from blocks.ssh_connection import SshConnection

#: Arguments: scratch.
_LOOK = RemoteScript(
    "look at the cluster",
    """\
emit version 0 "$(sbatch --version 2>&1 | head -n 1)"
rows=$(timeout 60 sinfo --noheader --format='%R %a %D' 2>&1); emit partitions $? "$rows"
rows=$(timeout 60 sacct --noheader --format=JobID --starttime=now 2>&1 | head -n 3); emit accounting 0 "$rows"
timeout 60 sacct --noheader --format=JobID --starttime=now > /dev/null 2>&1; emit sacct $? ''
mkdir -p -- "$1" && touch "$1/.omero-flows" && rm -f "$1/.omero-flows"; emit scratch $? ''
emit free "$(df -Pk -- "$1" | awk 'NR == 2 { print $4 }')" ''
for program in tar sha256sum dd find timeout; do
    command -v "$program" > /dev/null || emit "missing-$program" 1 ''
done
""",
)


@dataclass(frozen=True)
class ClusterLook:
    """`partitions`: name to availability (`up`, `down` ...). `sacct`: whether it answers. `free_bytes` of scratch.
    `missing`: programs that every run needs and that are not there.
    """

    version: str
    partitions: dict[str, str]
    scheduler: str
    sacct: bool
    scratch: bool
    free_bytes: int
    missing: tuple[str, ...]


def look_at(cluster: SlurmCluster, connection: SshConnection) -> ClusterLook:
    """One command; `scheduler` is what sinfo said when it does not answer, else empty.

    Raises:
        FailureError: CLUSTER_UNREACHABLE, CLUSTER_REFUSED.
    """
    result = connection.run(_LOOK, cluster.scratch)
    answer = {section.name: section for section in read_sections(connection, _LOOK, result)}
    rows = answer["partitions"]
    partitions = {line.split()[0]: line.split()[1] for line in rows.lines if len(line.split()) == 3}
    return ClusterLook(
        version=" ".join(answer["version"].lines),
        partitions=partitions if rows.code == 0 else {},
        scheduler="" if rows.code == 0 else "\n".join(rows.lines),
        sacct=answer["sacct"].code == 0,
        scratch=answer["scratch"].code == 0,
        free_bytes=answer["free"].code * 1024,
        missing=tuple(name.removeprefix("missing-") for name in answer if name.startswith("missing-")),
    )
