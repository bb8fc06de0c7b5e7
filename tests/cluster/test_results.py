"""Results come back whole or not at all, each by itself, and nothing else comes with them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from uuid import UUID

import pytest

from blocks.job_end import JobEnd, examine
from blocks.results import PARTIAL, fetch
from blocks.slurm_cluster import SlurmCluster
from blocks.ssh_connection import SshConnection
from contracts.failures import FailureCategory, FailureError
from contracts.remote_run import ListedResult
from contracts.slurm_job import SubmittedJob
from tests.cluster.jobs import ON_BOTH_CLUSTERS, begin, request, wait_for
from tests.cluster.login import Login

#: What a workflow may leave: good names of all kinds, and everything that is no plain file of its own.
LEAVE = r"""
cd "$OUT"
mkdir -p 'a folder/deep' plate.zarr/0
echo one > 'a b.tif'; echo two > 'naïve µm 細胞.csv'; echo three > "it's \"quoted\" \$HOME.txt"; : > empty.csv
echo four > 'a folder/deep/-n.tif'; echo five > 'back\slash.txt'; echo six > plate.zarr/0/.zarray; ln empty.csv hard.csv
ln -s /etc/passwd passwd.txt; ln -s 'a b.tif' inside.tif; ln -s /etc etc; mkfifo pipe; ln -s nowhere broken.tif
echo bad > "$(printf 'two\nlines.txt')"; echo bad > "$(printf 'latin\351.txt')"; echo secret > closed.txt
chmod 000 closed.txt
"""
GOOD = {
    "a b.tif": b"one\n",
    "naïve µm 細胞.csv": b"two\n",
    'it\'s "quoted" $HOME.txt': b"three\n",
    "empty.csv": b"",
    "hard.csv": b"",
    "a folder/deep/-n.tif": b"four\n",
    "back\\slash.txt": b"five\n",
    "plate.zarr/0/.zarray": b"six\n",
}
REFUSED = {"passwd.txt", "inside.tif", "etc", "pipe", "broken.tif", "'two\\nlines.txt'", "latin\\xe9.txt", "closed.txt"}


def end_of(slurm: SlurmCluster, login: Login, token: UUID, script: str) -> tuple[SubmittedJob, JobEnd]:
    job = begin(slurm, login.connection, request(token, login.install(f"leaves-{token}", script)))
    wait_for(slurm, login.connection, job)
    login.ask(f"rm {slurm.images}/leaves-{token}")
    return job, examine(slurm, login.connection, job)


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_plain_files_come_back_and_all_else_is_refused_by_name(
    slurm: SlurmCluster, connection: SshConnection, login: Login, token: UUID, tmp_path: Path
) -> None:
    job, end = end_of(slurm, login, token, LEAVE)
    assert {result.path for result in end.results} == set(GOOD)
    assert {refused.path for refused in end.refused} == REFUSED
    assert {refused.failure.category for refused in end.refused} == {FailureCategory.RESULT_REFUSED}
    fetched = fetch(slurm, connection, job, end.results, tmp_path)
    assert fetched.failed == [] and set(fetched.arrived) == set(end.results)
    assert files_in(tmp_path) == {f"0/{name}": data for name, data in GOOD.items()}
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))

    before = connection.commands
    assert set(fetch(slurm, connection, job, end.results, tmp_path).arrived) == set(end.results)
    assert connection.commands == before, "what is there is not fetched again"


def test_a_result_that_changes_after_it_was_listed_fails_alone(
    slurm: SlurmCluster, connection: SshConnection, login: Login, token: UUID, tmp_path: Path
) -> None:
    job, end = end_of(slurm, login, token, 'cd "$OUT"; for f in a b c d e; do echo "result $f" > $f.csv; done')
    login.ask(
        f"cd {login.folder(token)}/attempt-1/out/0; echo 'RESULT a' > a.csv; rm b.csv; ln -sf /etc/passwd c.csv;"
        " echo longer >> d.csv"
    )
    fetched = fetch(slurm, connection, job, end.results, tmp_path)
    assert [result.path for result in fetched.arrived] == ["e.csv"]
    assert {result.path: failure.category for result, failure in fetched.failed} == {
        "a.csv": FailureCategory.TRANSFER_INCOMPLETE,
        "b.csv": FailureCategory.TRANSFER_INCOMPLETE,
        "c.csv": FailureCategory.RESULT_REFUSED,
        "d.csv": FailureCategory.TRANSFER_INCOMPLETE,
    }
    assert files_in(tmp_path / "0") == {"e.csv": b"result e\n"}


def test_what_a_cut_connection_brought_is_not_fetched_again(
    slurm: SlurmCluster, login: Login, token: UUID, tmp_path: Path
) -> None:
    script = 'cd "$OUT"; echo first > a.csv; head -c 40000000 /dev/urandom > b.bin; echo last > c.csv'
    job, end = end_of(slurm, login, token, script)
    wanted = sorted(end.results, key=lambda result: result.path)
    seen: list[int] = []
    with slurm.connect() as connection:

        def cut(result: ListedResult, size: int) -> None:
            if size > 20_000_000:
                seen.append(size)
                connection.__exit__()

        with pytest.raises(FailureError) as caught:
            fetch(slurm, connection, job, wanted, tmp_path, progress=cut)
    assert caught.value.failure.category is FailureCategory.CLUSTER_UNREACHABLE
    assert not (tmp_path / "0").exists()
    (partial,) = (tmp_path / PARTIAL).iterdir()
    assert partial.stat().st_size >= 20_000_000

    sizes: list[tuple[str, int]] = []
    with slurm.connect() as connection:
        fetched = fetch(
            slurm, connection, job, wanted, tmp_path, progress=lambda result, size: sizes.append((result.path, size))
        )
        assert connection.commands == 1
    assert {result.path for result in fetched.arrived} == {"a.csv", "b.bin", "c.csv"}
    assert min(size for path, size in sizes if path == "b.bin") > 20_000_000
    for result in wanted:
        data = (tmp_path / "0" / result.path).read_bytes()
        assert hashlib.sha256(data).hexdigest() == result.sha256
    assert not (tmp_path / PARTIAL).exists()


@ON_BOTH_CLUSTERS
def test_a_thousand_results_come_with_one_command(
    slurm: SlurmCluster, connection: SshConnection, login: Login, token: UUID, tmp_path: Path
) -> None:
    script = 'cd "$OUT"; for n in $(seq 1000); do echo "result $n" > "$n.csv"; done'
    job, end = end_of(slurm, login, token, script)
    assert len(end.results) == 1000
    assert len(fetch(slurm, connection, job, end.results, tmp_path).arrived) == 1000
    assert connection.commands == 1
