"""A stream of results that is cut, or that brings what was not asked for: each file fails by itself."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.job_end import parse_listing, parse_sums
from blocks.results import PARTIAL, Arrival, local_path
from contracts.failures import FailureCategory, FailureError
from contracts.remote_run import ListedResult


class Pieces:
    """A stream that gives its bytes in pieces of a size that nobody asked for."""

    def __init__(self, data: bytes, size: int = 1000) -> None:
        self._data = io.BytesIO(data)
        self._size = size

    def read(self, size: int) -> bytes:
        return self._data.read(min(size, self._size))


def listed(path: str, data: bytes, task: int = 0) -> ListedResult:
    return ListedResult(task=task, path=path, size=len(data), sha256=hashlib.sha256(data).hexdigest())


def archive(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for member, data in members:
            tar.addfile(member, io.BytesIO(data))
    return b"tar\n" + buffer.getvalue()


def plain(name: str, data: bytes) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    return member, data


def special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member, b""


def files_in(folder: Path) -> dict[str, bytes]:
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not name.startswith(PARTIAL)}


def failures(arrival: Arrival) -> dict[str, FailureCategory]:
    return {result.path: failure.category for result, failure in arrival.fetched.failed}


def test_whole_files_are_renamed_into_place(tmp_path: Path) -> None:
    big = bytes(range(256)) * 5000
    results = [listed("a.csv", b"one"), listed("deep/er/b.tif", big, task=3), listed("empty", b"")]
    arrival = Arrival(tmp_path)
    stream = archive(plain("0/a.csv", b"one"), plain("3/deep/er/b.tif", big), plain("0/empty", b""))
    arrival.receive(Pieces(stream), [], results)
    arrival.tidy()
    assert files_in(tmp_path) == {"0/a.csv": b"one", "3/deep/er/b.tif": big, "0/empty": b""}
    assert arrival.fetched.arrived == results and arrival.fetched.failed == []
    assert not (tmp_path / PARTIAL).exists()


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.DIRTYPE]
)
def test_what_is_no_plain_file_is_refused_and_the_others_kept(tmp_path: Path, kind: bytes) -> None:
    results = [listed("evil", b"x"), listed("good", b"fine")]
    arrival = Arrival(tmp_path)
    stream = archive(special("0/evil", kind, "/etc/passwd"), plain("0/good", b"fine"))
    arrival.receive(Pieces(stream), [], results)
    assert failures(arrival) == {"evil": FailureCategory.RESULT_REFUSED}
    assert files_in(tmp_path) == {"0/good": b"fine"}
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))


@pytest.mark.parametrize("name", ["../../x", "/etc/cron.d/x", "0/../../x", "0/not-listed", "1/good", ".partial/x"])
def test_what_was_not_asked_for_is_written_nowhere(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "a" / "b"
    arrival = Arrival(folder)
    arrival.receive(Pieces(archive(plain(name, b"evil"), plain("0/good", b"fine"))), [], [listed("good", b"fine")])
    assert files_in(tmp_path) == {"a/b/0/good": b"fine"}


@pytest.mark.parametrize("path", ["../x", "/x", "a/../x", "a\nb", ""])
def test_a_listed_result_has_a_path_that_can_be_kept(path: str) -> None:
    with pytest.raises(ValueError):
        listed(path, b"")


@pytest.mark.parametrize("data", [b"twO", b"tw", b"twofold"], ids=["other bytes", "shorter", "longer"])
def test_other_bytes_than_were_listed_fail_that_file_alone(tmp_path: Path, data: bytes) -> None:
    results = [listed("a", b"one"), listed("b", b"two"), listed("c", b"three")]
    arrival = Arrival(tmp_path)
    arrival.receive(Pieces(archive(plain("0/a", b"one"), plain("0/b", data), plain("0/c", b"three"))), [], results)
    assert failures(arrival) == {"b": FailureCategory.TRANSFER_INCOMPLETE}
    assert files_in(tmp_path) == {"0/a": b"one", "0/c": b"three"}


BIG = hashlib.sha256(b"seed").digest() * 2000


@given(st.integers(0, len(BIG) + 20_000), st.integers(1, 5000))
def test_a_stream_cut_anywhere_is_gone_on_with_where_it_was(cut: int, pieces: int) -> None:
    """Cut at any byte, then the rest comes as the cluster would send it: the whole is there, and right."""
    import tempfile

    results = [listed("a", b"one"), listed("b", BIG), listed("c", b"three")]
    contents = {"a": b"one", "b": BIG, "c": b"three"}
    stream = archive(*(plain(f"0/{name}", data) for name, data in contents.items()))
    with tempfile.TemporaryDirectory() as folder:
        first = Arrival(Path(folder))
        first.receive(Pieces(stream[:cut], pieces), [], results)
        settled = {result.path for result in first.fetched.arrived} | failures(first).keys()
        assert settled == contents.keys()
        assert set(failures(first).values()) <= {FailureCategory.TRANSFER_INCOMPLETE}

        second = Arrival(Path(folder))
        missing = [result for result in results if not second.has(result)]
        begun = [result for result in missing if second.offset(result)]
        rest = b"".join(
            b"%d\n%b" % (result.size - second.offset(result), contents[result.path][second.offset(result) :])
            for result in begun
        )
        whole = [result for result in missing if result not in begun]
        rest += archive(*(plain(f"0/{result.path}", contents[result.path]) for result in whole))
        second.receive(Pieces(rest, pieces), begun, whole)
        assert second.fetched.failed == []
        assert files_in(Path(folder)) == {f"0/{name}": data for name, data in contents.items()}


def test_a_partial_file_of_other_bytes_is_thrown_away(tmp_path: Path) -> None:
    result = listed("a", b"one two")
    first = Arrival(tmp_path)
    first.receive(Pieces(b"7\none"), [result], [])
    assert first.offset(result) == 3
    (partial,) = (tmp_path / PARTIAL).iterdir()
    partial.write_bytes(b"ONE")
    second = Arrival(tmp_path)
    second.receive(Pieces(b"4\n two" + archive()), [result], [])
    assert failures(second) == {"a": FailureCategory.TRANSFER_INCOMPLETE}
    assert second.offset(result) == 0


def test_a_link_that_somebody_put_into_the_folder_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    folder = tmp_path / "results"
    arrival = Arrival(folder)
    (folder / "0").symlink_to(outside)
    arrival.receive(Pieces(archive(plain("0/a", b"one"))), [], [listed("a", b"one")])
    assert failures(arrival) == {"a": FailureCategory.RESULT_REFUSED}
    assert list(outside.iterdir()) == []


def test_too_little_space_is_said_before_anything_is_fetched(tmp_path: Path) -> None:
    huge = ListedResult(task=0, path="a", size=1 << 60, sha256="0" * 64)
    with pytest.raises(FailureError) as caught:
        Arrival(tmp_path).check_space([huge])
    assert caught.value.failure.category is FailureCategory.DISK_FULL


def test_where_a_result_lies() -> None:
    assert local_path(Path("/images/x"), listed("deep/a", b"", task=7)) == Path("/images/x/7/deep/a")


def sum_line(name: bytes) -> bytes:
    """A line of sha256sum(1), with its escapes."""
    digest = hashlib.sha256(name).hexdigest().encode()
    escaped = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    return (b"\\" if escaped != name else b"") + digest + b"  " + escaped + b"\n"


names = st.binary(min_size=1, max_size=40).filter(lambda name: b"\0" not in name)


@given(st.lists(names, unique=True, max_size=8))
def test_sums_of_any_names_are_read_back(found: list[bytes]) -> None:
    assert parse_sums(b"".join(map(sum_line, found))) == {name: hashlib.sha256(name).hexdigest() for name in found}


@given(st.lists(st.tuples(st.sampled_from([b"f", b"l", b"p", b"s"]), names), unique_by=lambda e: e[1], max_size=8))
def test_of_any_listing_only_plain_files_with_plain_names_are_results(entries: list[tuple[bytes, bytes]]) -> None:
    text = b"".join(b"%b 5 2/%b\0" % entry for entry in entries) + b"\0"
    text += b"".join(sum_line(b"2/" + name) for kind, name in entries if kind == b"f")
    results, refused = parse_listing(text)
    assert len(results) + len(refused) == len(entries)
    kinds = {name: kind for kind, name in entries}
    for result in results:
        name = result.path.encode()
        assert kinds[name] == b"f" and result.sha256 == hashlib.sha256(b"2/" + name).hexdigest()
        assert not result.path.startswith("/") and ".." not in result.path.split("/")
    assert all(one.path.isprintable() and one.failure.category is FailureCategory.RESULT_REFUSED for one in refused)


@pytest.mark.parametrize("listing", [b"f 5 x\0\0", b"f 5 2/\0\0", b"f -5 2/a\0\0", b"f 5 2/a\0\0no sum\n"])
def test_a_listing_that_is_none_is_refused(listing: bytes) -> None:
    with pytest.raises(ValueError):
        parse_listing(listing)


def test_a_listing_of_nothing_is_empty() -> None:
    assert parse_listing(b"") == parse_listing(b"\0") == ([], [])
