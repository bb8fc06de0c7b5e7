"""Send a run's inputs to the cluster: one stream, one command, whatever their number and size.

The stream is a sequence of parts, each with a line before it that says how many bytes follow:

    tar BYTES             small files of known size, and links, as a tar archive of some megabytes
    new BYTES PATH        a file begins, with its first bytes
    more BYTES PATH       its next bytes: of a file whose size is known all the rest, else a piece of a bounded buffer
    verify BYTES          the manifest; the last part

Files land in `.partial`. The cluster computes every SHA-256 from its own disk: of a large file while it arrives, piece
by piece behind the one that is written, of the others when the manifest has come. What differs is removed and named,
and only if nothing does `.partial` becomes `staged`. After a cut, what lies there is not sent again: each file goes on
from the bytes it has, and the sum over the whole file tells whether they were the same ones.
"""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from blocks.job_queue import read_sections
from blocks.remote_command import SUM_FILES, RemoteScript
from blocks.run_folder import FOLDER_SECONDS
from blocks.side_digest import SideDigest
from blocks.slurm_cluster import SlurmCluster
from blocks.ssh_connection import SshConnection
from blocks.ssh_failures import command_failed
from blocks.ssh_stream import RemoteStream
from contracts.failures import FailureCategory, FailureError, fail
from contracts.remote_run import RemoteFolder, StagedLink, check_staged_path
from contracts.staged_input import StagedFile

#: Files up to this size travel in tar archives, of some such size.
SMALL_BYTES = 1 << 20
ARCHIVE_BYTES = 8 << 20
#: Piece of a file whose size is not known: what is held in memory of it.
PIECE_BYTES = 16 << 20
#: Parts from this size on are summed up while they arrive, in pieces of this size. More than `PIECE_BYTES`: of a file
#: that comes in several parts, no part alone has the sum.
SUMMED_BYTES = 64 << 20

#: The sum of a file that grows, open as 4, of which standard input says how many bytes may be read next. Where there is
#: Python nothing is copied through a pipe for it, which would cost the processors as much as the transfer itself.
_SUM_PIECES = """\
import hashlib, os, sys
digest = hashlib.sha256()
for line in sys.stdin:
    rest = int(line)
    while rest:
        piece = os.read(4, min(rest, 1 << 18))
        if not piece:
            sys.exit("the file is shorter than was said")
        digest.update(piece)
        rest -= len(piece)
print(digest.hexdigest())
"""

#: Arguments: scratch, token. dd reads exactly as many bytes as it is told, tar would read on.
_RECEIVE = RemoteScript(
    "receive the inputs",
    SUM_FILES
    + """\
cd -- "$1/$2" || exit 73
if [ -d staged ]; then chmod -R u+w staged; rm -rf staged || exit 74; fi
mkdir -p .partial/in .partial/files .partial/gt && cd .partial || exit 73
take() { dd bs=256K "count=$1" iflag=count_bytes,fullblock status=none; }
sum_pieces() {
    if python3 -I -c 'import hashlib' 2> /dev/null; then
        python3 -I -c "$1"
    else
        while read -r piece; do take "$piece" <&4; done | sum_input
    fi
}
receive() {
    if [ "$1" -lt @SUMMED@ ]; then take "$1" >> "$2"; return; fi
    sum=$({
        stat -c %s -- "$2"
        rest=$1
        while [ "$rest" -gt 0 ]; do
            piece=$((rest < @SUMMED@ ? rest : @SUMMED@))
            take "$piece" >> "$2" || { : > ../.broken; break; }
            echo "$piece"
            rest=$((rest - piece))
        done
    } | sum_pieces '@SUM_PIECES@' 4< "$2")
    [ ${#sum} != 64 ] || printf '%s *%s\\n' "$sum" "$2" >> ../.summed
    [ ! -e ../.broken ]
}
rm -f ../.broken && : > ../.summed || exit 74
while IFS=' ' read -r kind size path; do
    case $kind in
    tar) take "$size" | tar --extract --file=- --no-same-owner || exit 74 ;;
    new) mkdir -p -- "${path%/*}" && : > "$path" && receive "$size" "$path" || exit 74 ;;
    more) receive "$size" "$path" || exit 74 ;;
    verify) take "$size" > ../.manifest; break ;;
    *) echo "the stream is broken: $kind" >&2; exit 76 ;;
    esac
done
[ "$kind" = verify ] && [ "$(wc -c < ../.manifest)" = "$size" ] || { echo 'the stream was cut' >&2; exit 76; }
cut -d ' ' -f 3- ../.manifest | sort > ../.named
find . \\( -type f -o -type l \\) -printf '%P\\n' | sort | comm -23 - ../.named | while IFS= read -r path; do
    rm -f -- "$path"
done
sed -n 's/^\\([0-9a-f]\\{64\\}\\) [0-9]* /\\1 */p' ../.manifest | sort > ../.sums
cut -d '*' -f 2- ../.summed | sort > ../.named
cut -d '*' -f 2- ../.sums | sort | comm -23 - ../.named | while IFS= read -r path; do
    [ ! -f "$path" ] || printf '%s\\0' "$path"
done > ../.files
sum_files < ../.files > ../.checked
if [ "$(tr -cd '\\0' < ../.files | wc -c)" != "$(grep -c '' ../.checked)" ]; then
    echo 'not every file could be checked' >&2
    exit 77
fi
wrong=$(sort ../.checked ../.summed | comm -23 ../.sums - | cut -d '*' -f 2-)
unreadable=$(sed -n 's/^link - //p' ../.manifest | while IFS= read -r path; do
    [ -r "$path" ] || printf '%s\\n' "$path"
done)
emit wrong 0 "$wrong"
emit unreadable 0 "$unreadable"
printf '%s\\n' "$wrong" | while IFS= read -r path; do [ -z "$path" ] || rm -f -- "$path"; done
rm -f ../.named ../.summed ../.sums ../.files ../.checked
[ -z "$wrong$unreadable" ] || exit 0
mv ../.manifest manifest && cd .. && mv -T .partial staged && chmod -R a-w staged || exit 74
emit staged 0 ''
""".replace("@SUMMED@", str(SUMMED_BYTES)).replace("@SUM_PIECES@", _SUM_PIECES),
)

#: Told the file's path, and its bytes that are there by now.
Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class InputFile:
    """A file to stage: its path below the staged folder, its size in bytes (None: not known before it is written), and
    what opens it anew at its beginning, each time with the same bytes.
    """

    path: str
    size: int | None
    open: Callable[[], Iterator[bytes]]


def stage(
    cluster: SlurmCluster,
    connection: SshConnection,
    run: RemoteFolder,
    files: Iterable[InputFile],
    links: Iterable[StagedLink] = (),
    *,
    progress: Progress = lambda path, size: None,
) -> tuple[StagedFile, ...]:
    """Leave exactly these files and links in the run's staged folder: one command. `run`: what `prepare_folder` said.

    Holds some `ARCHIVE_BYTES` + `PIECE_BYTES` in memory, whatever the files' sizes.

    Raises:
        FailureError: TRANSFER_INCOMPLETE (what arrived well is kept), FILE_CHANGED when a file has another size than
            it was said to have, FILE_NOT_READABLE when the cluster cannot follow a link, SCRATCH_FULL,
            CLUSTER_UNREACHABLE, CLUSTER_REFUSED, CANCELLED; whatever opening or reading a file raises.
    """
    with connection.stream(_RECEIVE, cluster.scratch, str(run.token), silent_seconds=FOLDER_SECONDS) as stream:
        sender = _Sender(stream, run.partial, progress)
        for link in links:
            sender.send_link(link)
        for file in files:
            if stream.refuses_input:
                break
            sender.send(file)
        staged = sender.finish()
        result = stream.finish()
    if result.status != 0:
        raise command_failed(str(connection.target), _RECEIVE.name, result)
    answer = {section.name: section for section in read_sections(connection, _RECEIVE, result)}
    if "staged" not in answer:
        _refuse(str(connection.target), run.token, answer["wrong"].lines, answer["unreadable"].lines)
    return staged


def _refuse(where: str, token: UUID, wrong: tuple[str, ...], unreadable: tuple[str, ...]) -> None:
    if unreadable:
        raise fail(
            FailureCategory.FILE_NOT_READABLE,
            f"{where} cannot read {len(unreadable)} of the linked originals.",
            detail=", ".join(unreadable[:20]),
            next_step="Check the mounts in the SlurmCluster block, and that the account may read the image storage.",
        )
    raise fail(
        FailureCategory.TRANSFER_INCOMPLETE,
        f"{len(wrong)} of the files sent to {where} arrived with other bytes.",
        detail=f"run {token}: {', '.join(wrong[:20])}",
        next_step="Nothing: they were removed there and are sent again.",
    )


class _Sender:
    """Writes the parts of the stream, and keeps the manifest."""

    def __init__(self, stream: RemoteStream, there: dict[str, int], progress: Progress) -> None:
        self._stream = stream
        self._there = there
        self._progress = progress
        self._manifest: list[str] = []
        self._files: list[StagedFile] = []
        self._buffer = io.BytesIO()
        self._archive = self._new_archive()

    def send_link(self, link: StagedLink) -> None:
        member = tarfile.TarInfo(check_staged_path(link.path))
        member.type, member.linkname = tarfile.SYMTYPE, link.target
        self._archive.addfile(member)
        self._manifest.append(f"link - {link.path}")
        self._flush_if_full()

    def send(self, file: InputFile) -> None:
        """Send a file, or what is missing of it."""
        check_staged_path(file.path)
        there = self._there.get(file.path, 0)
        if file.size is not None and there > file.size:
            there = 0
        if there == 0 and file.size is not None and file.size <= SMALL_BYTES:
            self._send_small(file)
        else:
            self._flush()
            self._send_large(file, there)

    def finish(self) -> tuple[StagedFile, ...]:
        self._flush()
        manifest = "".join(f"{line}\n" for line in self._manifest).encode()
        self._part("verify", manifest)
        return tuple(self._files)

    def _send_small(self, file: InputFile) -> None:
        data = b"".join(file.open())
        if len(data) != file.size:
            raise _changed(file, len(data))
        member = tarfile.TarInfo(file.path)
        # A file that looks old may be removed by a cluster that tidies its scratch folders.
        member.size, member.mode, member.mtime = len(data), 0o600, int(time.time())
        self._archive.addfile(member, io.BytesIO(data))
        self._arrived(file.path, len(data), sha256(data).hexdigest())
        self._progress(file.path, len(data))
        self._flush_if_full()

    def _send_large(self, file: InputFile, there: int) -> None:
        """`there`: bytes that need not be sent. A file that is no longer than them is begun anew."""
        digest, done, begun = SideDigest(), 0, there > 0
        piece = bytearray()
        rest = None if file.size is None else file.size - there
        if rest:
            self._header("more" if begun else "new", rest, file.path)
        for chunk in file.open():
            digest.update(chunk)
            fresh = chunk[max(0, there - done) :]
            done += len(chunk)
            if file.size is not None:
                if done > file.size:
                    raise _changed(file, done)
                self._stream.write(fresh)
            else:
                piece += fresh
                if len(piece) >= PIECE_BYTES:
                    self._part("more" if begun else "new", piece, file.path)
                    begun, piece = True, bytearray()
            if self._stream.refuses_input:
                return
            self._progress(file.path, done)
        if file.size is not None and done != file.size:
            raise _changed(file, done)
        if file.size is None and (piece or not begun):
            self._part("more" if begun else "new", piece, file.path)
        self._arrived(file.path, done, digest.hexdigest())

    def _arrived(self, path: str, size: int, sha256: str) -> None:
        self._files.append(StagedFile(path=path, size=size, sha256=sha256))
        self._manifest.append(f"{sha256} {size} {path}")

    def _flush_if_full(self) -> None:
        if self._buffer.tell() >= ARCHIVE_BYTES:
            self._flush()

    def _flush(self) -> None:
        if not self._archive.getmembers():
            return
        self._archive.close()
        self._part("tar", self._buffer.getbuffer())
        self._buffer = io.BytesIO()
        self._archive = self._new_archive()

    def _new_archive(self) -> tarfile.TarFile:
        return tarfile.TarFile(fileobj=self._buffer, mode="w", format=tarfile.PAX_FORMAT)

    def _part(self, kind: str, data: bytes | bytearray | memoryview, path: str = "") -> None:
        self._header(kind, len(data), path)
        self._stream.write(memoryview(data))

    def _header(self, kind: str, size: int, path: str) -> None:
        self._stream.write(f"{kind} {size} {path}".rstrip().encode() + b"\n")


def _changed(file: InputFile, size: int) -> FailureError:
    return fail(
        FailureCategory.FILE_CHANGED,
        f"{file.path!r} was {file.size} bytes long and is {size} now.",
        next_step="Wait until nobody writes to the file, then retry the run.",
    )
