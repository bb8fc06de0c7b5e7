"""The catalogue, and the fetching of descriptors from a real web server, good and bad."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydantic import ValidationError

import blocks.descriptor_file
from blocks.descriptor_file import MOST_BYTES, fetch_descriptor, read_descriptor_file
from blocks.workflow_catalogue import WorkflowCatalogue
from contracts.descriptor_source import DescriptorSource, read_source
from contracts.failures import FailureCategory, FailureError
from tests.unit.contracts.descriptor_texts import biaflows, bilayers, number

PAGES = {
    "/good/descriptor.json": (200, {}, biaflows(number()).encode()),
    "/marked.json": (200, {}, b"\xef\xbb\xbf" + biaflows(number()).encode()),
    "/yaml/config.yaml": (200, {}, bilayers().encode()),
    "/broken.json": (200, {}, b'{"name": '),
    "/latin.json": (200, {}, b'{"name": "\xe4"}'),
    "/large.json": (200, {}, b"x" * (MOST_BYTES + 1)),
    "/bomb.json": (200, {"Content-Encoding": "gzip"}, gzip.compress(b" " * (64 << 20))),
    "/moved.json": (302, {"Location": "/good/descriptor.json"}, b""),
    "/loop.json": (302, {"Location": "/loop.json"}, b""),
    "/to-file.json": (302, {"Location": "file:///etc/passwd"}, b""),
    "/to-secret.json": (302, {"Location": "http://user:secret@localhost/x"}, b""),
    # The same machine by another name: as a public server would send us to one of the site's own.
    "/inside.json": (302, {"Location": "http://localhost:1/latest/meta-data"}, b""),
    "/inside-v6.json": (307, {"Location": "http://[::1]:1/"}, b""),
    "/inside-mapped.json": (302, {"Location": "//[::ffff:10.0.0.1]/"}, b""),
    "/inside-link.json": (301, {"Location": "http://169.254.169.254/latest/meta-data"}, b""),
    "/private.json": (403, {}, b""),
    "/busy.json": (429, {}, b""),
    "/down.json": (503, {}, b""),
}


class Pages(BaseHTTPRequestHandler):
    """The pages above; `/drip.json` sends a byte now and then and never ends."""

    def do_GET(self) -> None:  # noqa: N802  http.server's name
        if self.path == "/drip.json":
            self.send_response(200)
            self.end_headers()
            while not self.server.stopping.wait(0.05):  # type: ignore[attr-defined]
                self.wfile.write(b" ")
                self.wfile.flush()
            return
        status, headers, content = PAGES.get(self.path, (404, {}, b""))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing: the test's output is pytest's."""

    def handle(self) -> None:
        try:
            super().handle()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client had enough, which is what is tested


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    server.daemon_threads = True
    server.stopping = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.stopping.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()


def refusal(address: str) -> FailureError:
    with pytest.raises(FailureError) as caught:
        fetch_descriptor(read_source(address))
    assert caught.value.failure.next_step
    return caught.value


@pytest.mark.parametrize("page", ["/good/descriptor.json", "/moved.json", "/marked.json"])
def test_a_descriptor_is_fetched(web: str, page: str) -> None:
    assert json.loads(fetch_descriptor(read_source(web + page)))["name"] == "Spots"


def test_the_first_file_that_is_there_is_taken(web: str) -> None:
    names = ("descriptor.json", "descriptor.yaml", "config.yaml")
    source = DescriptorSource(addresses=tuple(f"{web}/yaml/{name}" for name in names), version=None)
    assert fetch_descriptor(source) == bilayers()


@pytest.mark.parametrize(
    ("page", "category", "words"),
    [
        ("/nothing.json", FailureCategory.DESCRIPTOR_NOT_FOUND, "/nothing.json"),
        ("/private.json", FailureCategory.DESCRIPTOR_NOT_FOUND, "403"),
        ("/loop.json", FailureCategory.DESCRIPTOR_NOT_FOUND, "without end"),
        ("/to-file.json", FailureCategory.DESCRIPTOR_NOT_FOUND, "only http"),
        ("/to-secret.json", FailureCategory.DESCRIPTOR_NOT_FOUND, "password"),
        ("/inside.json", FailureCategory.DESCRIPTOR_NOT_FOUND, "private network"),
        ("/inside-v6.json", FailureCategory.DESCRIPTOR_NOT_FOUND, "private network"),
        ("/inside-mapped.json", FailureCategory.DESCRIPTOR_NOT_FOUND, "private network"),
        ("/inside-link.json", FailureCategory.DESCRIPTOR_NOT_FOUND, "private network"),
        ("/busy.json", FailureCategory.DESCRIPTOR_UNREACHABLE, "429"),
        ("/down.json", FailureCategory.DESCRIPTOR_UNREACHABLE, "503"),
        ("/large.json", FailureCategory.BROKEN_DESCRIPTOR, "512 KiB"),
        ("/latin.json", FailureCategory.BROKEN_DESCRIPTOR, "UTF-8"),
        ("/bomb.json", FailureCategory.BROKEN_DESCRIPTOR, "UTF-8"),
    ],
)
def test_what_is_not_fetched_is_said(web: str, page: str, category: FailureCategory, words: str) -> None:
    error = refusal(web + page)
    assert error.failure.category is category
    assert words in str(error)


def test_a_server_that_never_ends_is_left(web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks.descriptor_file, "FILE_SECONDS", 0.5)
    error = refusal(web + "/drip.json")
    assert error.failure.category is FailureCategory.DESCRIPTOR_UNREACHABLE
    assert error.failure.retryable


def test_a_server_that_is_not_there_is_said(web: str) -> None:
    error = refusal("http://127.0.0.1:1/descriptor.json")
    assert error.failure.category is FailureCategory.DESCRIPTOR_UNREACHABLE


async def test_it_can_be_fetched_from_within_a_loop(web: str) -> None:
    source = read_source(web + "/good/descriptor.json")
    assert fetch_descriptor(source) == await asyncio.to_thread(fetch_descriptor, source)


def test_files_of_this_machine(tmp_path: Path) -> None:
    good = tmp_path / "a descriptor.json"
    good.write_text(biaflows(number()), "utf-8")
    assert read_descriptor_file(good) == biaflows(number())
    (tmp_path / "large").write_bytes(b"x" * (MOST_BYTES + 1))
    for name, category in (
        ("missing", FailureCategory.DESCRIPTOR_NOT_FOUND),
        (".", FailureCategory.DESCRIPTOR_NOT_FOUND),
        ("large", FailureCategory.BROKEN_DESCRIPTOR),
    ):
        with pytest.raises(FailureError) as caught:
            read_descriptor_file(tmp_path / name)
        assert caught.value.failure.category is category


@pytest.fixture
def catalogue(web: str, tmp_path: Path) -> WorkflowCatalogue:
    (tmp_path / "local.yaml").write_text(bilayers(), "utf-8")
    return WorkflowCatalogue.model_validate(
        {
            "workflows": {
                "web": {"repository": web + "/good/descriptor.json", "partition": "gpu", "mode": "images and plates"},
                "local": {"path": str(tmp_path / "local.yaml")},
                "here": {"descriptor": biaflows(number()), "sbatch": {"qos": "high"}},
                "broken": {"repository": web + "/broken.json"},
            }
        }
    )


def test_descriptors_come_from_wherever_they_are(catalogue: WorkflowCatalogue) -> None:
    assert [catalogue.descriptor(name).name for name in ("web", "local", "here")] == ["Spots", "Cells", "Spots"]


def test_a_broken_descriptor_is_explained(catalogue: WorkflowCatalogue) -> None:
    with pytest.raises(FailureError) as caught:
        catalogue.descriptor("broken")
    assert caught.value.failure.category is FailureCategory.BROKEN_DESCRIPTOR
    assert "line 1, column 10" in caught.value.failure.detail


def test_an_unknown_workflow_is_said(catalogue: WorkflowCatalogue) -> None:
    with pytest.raises(FailureError, match="Is 'local' meant") as caught:
        catalogue.descriptor("lokal")
    assert caught.value.failure.category is FailureCategory.UNKNOWN_WORKFLOW


def test_the_catalogue_survives_prefects_document(catalogue: WorkflowCatalogue) -> None:
    stored = json.loads(catalogue.model_dump_json(include={"workflows"}))
    assert WorkflowCatalogue.model_validate(stored).workflows == catalogue.workflows


@pytest.mark.parametrize(
    ("workflows", "words"),
    [
        ({"a b": {"descriptor": "x"}}, "pattern"),
        ({"../x": {"descriptor": "x"}}, "pattern"),
        ({"x": {"descriptor": "x", "partition": "gpu --wrap=id"}}, "--partition cannot be"),
        ({"x": {"descriptor": "x", "colour": "blue"}}, "colour"),
        ({"x": {}}, "one of repository, path and descriptor"),
    ],
)
def test_what_is_no_catalogue(workflows: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        WorkflowCatalogue.model_validate({"workflows": workflows})
