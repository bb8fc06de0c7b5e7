"""Inputs arrive whole or not at all, in one command, and what has arrived is not sent again."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from datetime import datetime
from uuid import UUID

import pytest

from blocks.run_folder import list_folders, prepare, tidy
from blocks.slurm_cluster import SlurmCluster
from blocks.ssh_connection import SshConnection
from blocks.staging import PIECE_BYTES, SMALL_BYTES, SUMMED_BYTES, InputFile, stage
from contracts.failures import FailureCategory, FailureError
from contracts.remote_run import StagedLink
from tests.cluster.jobs import ON_BOTH_CLUSTERS
from tests.cluster.login import Login


def content(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


def input_file(path: str, data: bytes, *, known: bool = True, cut_at: int | None = None) -> InputFile:
    """A file in chunks of odd sizes; with `cut_at`, reading it fails there."""

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(data), 777_777):
            if cut_at is not None and start >= cut_at:
                raise ConnectionAbortedError("the source failed")
            yield data[start : start + 777_777]

    return InputFile(path, len(data) if known else None, chunks)


#: Around every limit: empty, in an archive, just above it, a piece and a half, several pieces.
FILES = {
    "in/0/1_empty.tif": (b"", True),
    "in/0/2_small.tif": (content(2, 20_000), True),
    "in/1/3_at_limit.tif": (content(3, SMALL_BYTES), True),
    "in/1/4_over_limit.tif": (content(4, SMALL_BYTES + 1), True),
    "in/1/5_unknown_empty.tif": (b"", False),
    "in/2/6_unknown.tif": (content(6, PIECE_BYTES + PIECE_BYTES // 2), False),
    "in/2/7_unknown_small.tif": (content(7, 5), False),
    "in/3/11_folder.ome.zarr/.zattrs": (b"{}", True),
    "in/3/11_folder.ome.zarr/0/.zarray": (b"{}", True),
    "in/3/11_folder.ome.zarr/0/0/0/0/0/0": (content(11, 2 * SMALL_BYTES), True),
    "files/model/weights.bin": (content(8, 3 * SMALL_BYTES), True),
    "gt/truth.tif": (content(9, 100), True),
}


def all_files() -> list[InputFile]:
    return [input_file(path, data, known=known) for path, (data, known) in FILES.items()]


def test_every_kind_of_file_arrives(
    slurm: SlurmCluster, connection: SshConnection, login: Login, token: UUID, began: datetime
) -> None:
    original = f"{slurm.images}/original.lif"
    login.ask(f"mkdir -p {slurm.images}; echo pixels > {original}")
    run = prepare(slurm, connection, token, began=began)
    assert run.staged is None and not run.partial and not run.attempts
    seen: dict[str, int] = {}
    links = [StagedLink(path="in/3/10_linked.lif", target=original)]
    staged = stage(slurm, connection, run, all_files(), links, progress=seen.__setitem__)

    assert {file.path: (file.size, file.sha256) for file in staged} == {
        path: (len(data), hashlib.sha256(data).hexdigest()) for path, (data, _) in FILES.items()
    }
    assert seen == {path: len(data) for path, (data, _) in FILES.items() if data or "unknown" not in path}
    folder = f"{login.folder(token)}/staged"
    there = login.ask(f"cd {folder} && find in files gt -type f -exec sha256sum {{}} +")
    assert dict(reversed(line.split("  ")) for line in there.splitlines()) == {f.path: f.sha256 for f in staged}
    assert login.ask(f"cat {folder}/in/3/10_linked.lif; stat -c %a {login.folder(token)}") == "pixels\n700"

    again = prepare(slurm, connection, token, began=began)
    assert again.staged is not None and set(again.staged) == set(staged)
    assert again.links == ("in/3/10_linked.lif",)
    assert connection.commands == 3


def test_a_thousand_small_files_take_one_command(
    slurm: SlurmCluster, connection: SshConnection, token: UUID, began: datetime
) -> None:
    data = [content(number, 20_000) for number in range(1000)]
    run = prepare(slurm, connection, token, began=began)
    staged = stage(slurm, connection, run, [input_file(f"in/{i % 7}/{i}_a.tif", data[i]) for i in range(1000)])
    assert len(staged) == 1000
    assert connection.commands == 2


@ON_BOTH_CLUSTERS
@pytest.mark.parametrize("known", [True, False], ids=["known size", "unknown size"])
def test_a_cut_transfer_goes_on_where_it_was(
    slurm: SlurmCluster, login: Login, token: UUID, began: datetime, known: bool
) -> None:
    """The first attempt breaks in the middle of the large file; the second sends what is missing, and no more."""
    small, large = content(1, 50_000), content(2, SUMMED_BYTES + 5 * PIECE_BYTES)
    cut_at = 3 * PIECE_BYTES
    with slurm.connect() as connection:
        run = prepare(slurm, connection, token, began=began)
        with pytest.raises(ConnectionAbortedError):
            broken = input_file("in/0/2_large.tif", large, known=known, cut_at=cut_at)
            stage(slurm, connection, run, [input_file("in/0/1_small.tif", small), broken])
    file = f"{login.folder(token)}/.partial/in/0/2_large.tif"
    login.wait_until(f'[ -e {file} ] && size=$(stat -c %s {file}) && sleep 0.5 && [ "$size" = "$(stat -c %s {file})" ]')

    with slurm.connect() as connection:
        run = prepare(slurm, connection, token, began=began)
        assert run.staged is None
        there = run.partial["in/0/2_large.tif"]
        assert PIECE_BYTES <= there < len(large)
        sent = count_sent(connection)
        staged = stage(
            slurm,
            connection,
            run,
            [input_file("in/0/1_small.tif", small), input_file("in/0/2_large.tif", large, known=known)],
        )
        # SSH adds some 40 bytes to each packet of 32 KiB.
        assert len(large) - there < sent() < 1.01 * (len(large) - there)
    assert [file.sha256 for file in staged] == [hashlib.sha256(data).hexdigest() for data in (small, large)]


def count_sent(connection: SshConnection) -> Callable[[], int]:
    """Counts the bytes that a connection puts on the line from now on."""
    client = connection._client
    assert client is not None
    packetizer = client.get_transport().packetizer  # type: ignore[union-attr]
    sent = [0]
    send = packetizer.write_all

    def write_all(out: bytes) -> None:
        sent[0] += len(out)
        send(out)

    packetizer.write_all = write_all  # type: ignore[method-assign]
    return lambda: sent[0]


@pytest.mark.parametrize("size", [2 * SMALL_BYTES, SUMMED_BYTES + 5], ids=["summed at the end", "summed on arrival"])
def test_a_source_that_changed_meanwhile_is_begun_anew(
    slurm: SlurmCluster, connection: SshConnection, login: Login, token: UUID, began: datetime, size: int
) -> None:
    """What lies there is the beginning of another file: the sum tells, the file goes, the next attempt sends all."""
    data = content(1, size)
    run = prepare(slurm, connection, token, began=began)
    login.ask(
        f"mkdir -p {login.folder(token)}/.partial/in/0; cat > {login.folder(token)}/.partial/in/0/1_a.tif", b"other"
    )
    files = [input_file("in/0/1_a.tif", data), input_file("in/0/2_b.tif", b"fine")]
    run = prepare(slurm, connection, token, began=began)
    assert run.partial == {"in/0/1_a.tif": 5}
    with pytest.raises(FailureError) as caught:
        stage(slurm, connection, run, files)
    assert caught.value.failure.category is FailureCategory.TRANSFER_INCOMPLETE
    assert "in/0/1_a.tif" in caught.value.failure.detail and "2_b" not in caught.value.failure.detail

    run = prepare(slurm, connection, token, began=began)
    assert run.staged is None and run.partial == {"in/0/2_b.tif": 4}
    assert len(stage(slurm, connection, run, files)) == 2


@pytest.mark.parametrize("python", ["without Python", "with Python"])
def test_a_large_file_is_summed_up_while_it_arrives(
    slurm: SlurmCluster, login: Login, token: UUID, began: datetime, python: str
) -> None:
    """The cluster's own sum, of each way to make it; what it says is compared before anything counts as staged."""
    if python == "without Python":
        login.install_program(f"{slurm.scratch}/bin-{token}", "python3", "#!/bin/sh\nexit 1\n")
        slurm = slurm.model_copy(update={"slurm_folder": f"{slurm.scratch}/bin-{token}"})
    data = content(1, 2 * SUMMED_BYTES + 5)
    with slurm.connect() as connection:
        run = prepare(slurm, connection, token, began=began)
        (staged,) = stage(slurm, connection, run, [input_file("in/0/1_a.tif", data)])
    there = login.ask(f"sha256sum < {login.folder(token)}/staged/in/0/1_a.tif")
    assert there.split()[0] == staged.sha256 == hashlib.sha256(data).hexdigest()
    login.ask(f"rm -rf {slurm.scratch}/bin-{token}")


def test_a_file_of_another_size_than_announced_is_refused(
    slurm: SlurmCluster, connection: SshConnection, token: UUID, began: datetime
) -> None:
    run = prepare(slurm, connection, token, began=began)
    for size in (3, 2 * SMALL_BYTES):
        file = InputFile("in/0/1_a.tif", size, lambda: iter([b"four"]))
        with slurm.connect() as another, pytest.raises(FailureError) as caught:
            stage(slurm, another, run, [file])
        assert caught.value.failure.category is FailureCategory.FILE_CHANGED
    assert prepare(slurm, connection, token, began=began).staged is None


def test_what_is_left_of_another_selection_is_removed(
    slurm: SlurmCluster, connection: SshConnection, login: Login, token: UUID, began: datetime
) -> None:
    login.ask(f"mkdir -p {login.folder(token)}/.partial/in/5; echo old > {login.folder(token)}/.partial/in/5/9_old.tif")
    run = prepare(slurm, connection, token, began=began)
    stage(slurm, connection, run, [input_file("in/0/1_a.tif", b"new")])
    assert login.ask(f"cd {login.folder(token)}/staged && find in -type f") == "in/0/1_a.tif"


def test_files_that_the_cluster_removed_by_itself_are_sent_again(
    slurm: SlurmCluster, connection: SshConnection, login: Login, token: UUID, began: datetime
) -> None:
    files = [input_file("in/0/1_a.tif", b"one"), input_file("in/0/2_b.tif", b"two")]
    stage(slurm, connection, prepare(slurm, connection, token, began=began), files)
    login.ask(f"cd {login.folder(token)}/staged && chmod -R u+w . && rm in/0/1_a.tif")
    run = prepare(slurm, connection, token, began=began)
    assert run.staged is None
    stage(slurm, connection, run, files)
    assert prepare(slurm, connection, token, began=began).staged is not None


def test_a_link_that_leads_nowhere_is_refused(
    slurm: SlurmCluster, connection: SshConnection, token: UUID, began: datetime
) -> None:
    run = prepare(slurm, connection, token, began=began)
    with pytest.raises(FailureError) as caught:
        stage(slurm, connection, run, [], [StagedLink(path="in/0/1_a.lif", target="/nowhere/a.lif")])
    assert caught.value.failure.category is FailureCategory.FILE_NOT_READABLE
    assert prepare(slurm, connection, token, began=began).staged is None


@pytest.mark.parametrize(
    "path",
    [
        "/in/0/a",
        "in/../x",
        "out/0/a",
        "in/0/a b",
        "in/0/.hidden",
        "in/0/.zgroup",
        "in/0/a.zarr/.zgroup/b",
        "in/0/-rf",
        "in",
        "in/0/a\n",
    ],
)
def test_only_names_of_ours_are_staged(
    slurm: SlurmCluster, connection: SshConnection, token: UUID, began: datetime, path: str
) -> None:
    run = prepare(slurm, connection, token, began=began)
    with pytest.raises(ValueError):
        stage(slurm, connection, run, [input_file(path, b"x")])


def test_somebody_elses_link_in_the_place_of_the_folder_is_refused(
    slurm: SlurmCluster, connection: SshConnection, login: Login, token: UUID, began: datetime
) -> None:
    login.ask(f"mkdir -p {slurm.scratch}; ln -s /tmp {login.folder(token)}")
    try:
        with pytest.raises(FailureError) as caught:
            prepare(slurm, connection, token, began=began)
        assert caught.value.failure.category is FailureCategory.CLUSTER_REFUSED
        tidy(slurm, connection, token)
        assert login.ask(f"readlink {login.folder(token)}") == "/tmp"
    finally:
        login.ask(f"rm {login.folder(token)}")


def test_tidy_removes_the_runs_folder_and_no_other(
    slurm: SlurmCluster, connection: SshConnection, login: Login, token: UUID, began: datetime
) -> None:
    stage(slurm, connection, prepare(slurm, connection, token, began=began), [input_file("in/0/1_a.tif", b"x")])
    neighbour = f"{slurm.scratch}/kept-{token}"
    login.ask(f"mkdir {neighbour}; ln -s {neighbour} {login.folder(token)}/link; chmod 500 {login.folder(token)}")
    assert list_folders(slurm, connection)[token] < 1
    tidy(slurm, connection, token)
    assert login.ask(f"ls -d {neighbour}; [ -e {login.folder(token)} ] || echo gone; rmdir {neighbour}") == (
        f"{neighbour}\ngone"
    )
    tidy(slurm, connection, token)
    assert token not in list_folders(slurm, connection)
