"""Uploads over HTTP by the tus protocol: cut and gone on with, and whoever lies is refused."""

from __future__ import annotations

import base64
import os
import re
import uuid
from pathlib import Path

import httpx
import pytest

from sandbox.site import Site
from tests.sandbox.panel.web_visitor import WebVisitor

UPLOADS = "/flows/import/uploads/"
TUS = {"Tus-Resumable": "1.0.0"}


@pytest.fixture(scope="module")
def folder(site: Site) -> Path:
    folder = site.storage / "lab-a" / f"uploads-{uuid.uuid4().hex[:8]}"
    folder.mkdir(parents=True)
    return folder


def metadata(**said: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}".strip() for key, value in said.items())


def group_id(visitor: WebVisitor, group: str) -> str:
    found = re.search(r'id="upload-open"[^>]*data-group="(\d+)"', visitor.get(f"/flows/import/?group={group}").text)
    assert found
    return found[1]


def send(
    visitor: WebVisitor, method: str, path: str, *, csrf: bool = True, content: bytes | None = None, **headers: str
) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    token = {"X-CSRFToken": visitor.client.cookies.get("csrftoken", "")} if csrf else {}
    return visitor.client.request(method, path, content=content, headers={**TUS, **token, **named})


def begin(visitor: WebVisitor, length: int | str, group: str, folder: str, name: str) -> httpx.Response:
    said = metadata(group=group, folder=folder, filename=name)
    return send(visitor, "POST", UPLOADS, Upload_Length=str(length), Upload_Metadata=said)


def append(visitor: WebVisitor, where: str, offset: int, content: bytes, **headers: str) -> httpx.Response:
    given = {"Upload_Offset": str(offset), "Content_Type": "application/offset+octet-stream", **headers}
    return send(visitor, "PATCH", where, content=content, **given)


def test_an_upload_is_cut_resumed_and_whole(alice: WebVisitor, bob: WebVisitor, folder: Path) -> None:
    group = group_id(alice, "lab-a")
    content = os.urandom(300_000)
    begun = begin(alice, len(content), group, folder.name, "cells µ 1.tif")
    assert begun.status_code == 201, begun.text
    where = begun.headers["Location"]
    assert append(alice, where, 0, content[:100_000]).headers["Upload-Offset"] == "100000"
    assert not (folder / "cells µ 1.tif").exists()
    assert append(alice, where, 0, content).status_code == 409  # a client that lost the answer
    for method in ("HEAD", "DELETE"):
        assert send(bob, method, where).status_code == 404
    assert append(bob, where, 100_000, content[100_000:]).status_code == 404
    head = send(alice, "HEAD", where)
    assert (head.headers["Upload-Offset"], head.headers["Upload-Length"]) == ("100000", "300000")
    assert head.headers["Cache-Control"] == "no-store"
    assert append(alice, where, 100_000, content[100_000:]).headers["Upload-Offset"] == "300000"
    assert (folder / "cells µ 1.tif").read_bytes() == content
    assert send(alice, "HEAD", where).status_code == 404
    assert begin(alice, 5, group, folder.name, "cells µ 1.tif").status_code == 400  # nothing is overwritten
    listing = alice.get(f"/flows/import/folder/?group=lab-a&path={folder.name}")
    assert "cells µ 1.tif" in listing.text


@pytest.mark.parametrize(
    ("place", "name", "status"),
    [
        ("{}", "../../lab-b/x.tif", 400),
        ("{}", "/etc/cron.d/x", 400),
        ("{}", "a/b.tif", 400),
        ("{}", ".hidden.tif", 400),
        ("{}", "a\0.tif", 400),
        ("{}", "", 400),
        ("..", "x.tif", 403),
        ("../lab-b", "x.tif", 403),
        ("/tmp", "x.tif", 403),
        ("nowhere", "x.tif", 404),
    ],
)
def test_names_and_folders_that_lead_elsewhere_are_refused(
    alice: WebVisitor, site: Site, folder: Path, place: str, name: str, status: int
) -> None:
    before = sorted((site.storage / "lab-b").rglob("*"))
    answer = begin(alice, 5, group_id(alice, "lab-a"), place.format(folder.name), name)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert sorted((site.storage / "lab-b").rglob("*")) == before


def test_lengths_that_lie_are_refused(alice: WebVisitor, folder: Path) -> None:
    group = group_id(alice, "lab-a")
    for length in (0, "-1", "five", 10**16, ""):
        assert begin(alice, length, group, folder.name, "x.tif").status_code in (400, 413), length
    where = begin(alice, 10, group, folder.name, "x.tif").headers["Location"]
    assert append(alice, where, 0, b"x" * 11).status_code == 413

    def unannounced() -> bytes:
        return b"x" * 11

    stream = alice.client.request(
        "PATCH",
        where,
        content=iter([unannounced()]),
        headers={
            **TUS,
            "X-CSRFToken": alice.client.cookies.get("csrftoken", ""),
            "Upload-Offset": "0",
            "Content-Type": "application/offset+octet-stream",
        },
    )
    assert stream.status_code == 413
    assert send(alice, "HEAD", where).headers["Upload-Offset"] == "0"
    assert send(alice, "DELETE", where).status_code == 204
    assert send(alice, "HEAD", where).status_code == 404
    assert not (folder / "x.tif").exists()


def test_groups_of_others_forged_requests_and_strangers_are_refused(
    alice: WebVisitor, bob: WebVisitor, stranger: WebVisitor, folder: Path
) -> None:
    private = group_id(alice, "lab-b")
    assert begin(bob, 5, private, "", "x.tif").status_code == 403
    assert begin(bob, 5, "no number", "", "x.tif").status_code == 403
    said = metadata(group=group_id(bob, "lab-a"), folder=folder.name, filename="x.tif")
    assert send(bob, "POST", UPLOADS, csrf=False, Upload_Length="5", Upload_Metadata=said).status_code == 403
    assert begin(stranger, 5, private, "", "x.tif").status_code in (302, 401, 403)
    where = begin(alice, 5, private, "", f"{uuid.uuid4()}.tif").headers["Location"]
    assert append(bob, where, 0, b"12345").status_code == 403
    assert append(alice, where, 0, b"12345", Content_Type="text/plain").status_code == 415
    assert append(alice, where, 0, b"12345", Tus_Resumable="0.2.2").status_code == 412
    broken = send(alice, "POST", UPLOADS, Upload_Length="5", Upload_Metadata="filename %%%")
    assert broken.status_code == 400
    assert send(alice, "DELETE", where).status_code == 204
    can = send(alice, "OPTIONS", UPLOADS)
    assert "creation" in can.headers["Tus-Extension"]
