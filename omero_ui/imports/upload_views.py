"""Uploads by the tus protocol 1.0.0 (https://tus.io/protocols/resumable-upload): creation, termination, expiration.

The visitor's own session says who uploads; what the browser says is where to, as one of the visitor's groups and a
folder in it. Django's protection against forged requests is on, as for every other form.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator

from django.http import HttpResponse
from django.urls import reverse

from contracts.failures import FailureCategory, FailureError, fail
from omero_ui.imports.addresses import group_by_id, number
from omero_ui.imports.desk import read_desk
from omero_ui.imports.upload_failures import UploadBusy, UploadTooLong, WrongOffset
from omero_ui.imports.upload_store import KEPT, UploadStore
from omero_ui.page import Request, Response, page
from omero_ui.visitor import Visitor, VisitorGroup

VERSION = "1.0.0"
BODY = "application/offset+octet-stream"
#: Bytes that are read from the connection at once.
CHUNK = 1 << 20
_GIGABYTE = 1_000_000_000

_STATUS = {
    FailureCategory.BAD_REQUEST: 400,
    FailureCategory.FILE_EMPTY: 400,
    FailureCategory.NOT_A_MEMBER: 403,
    FailureCategory.PATH_OUTSIDE_FOLDER: 403,
    FailureCategory.FILE_NOT_FOUND: 404,
    FailureCategory.DISK_FULL: 507,
}


@page("import", methods=("OPTIONS", "POST"))
def uploads(request: Request, visitor: Visitor) -> Response:
    """What the server can (OPTIONS), or a new upload (POST)."""
    return _answer(request, lambda: _options() if request.method == "OPTIONS" else _begin(request, visitor))


@page("import", methods=("HEAD", "PATCH", "DELETE"))
def upload(request: Request, visitor: Visitor, group: int, id: str) -> Response:
    """One upload: how far it is, its next bytes, its end."""

    def answer() -> HttpResponse:
        store = _store(visitor, group_by_id(visitor, group))
        if request.method == "HEAD":
            found, arrived = store.find(id)
            return _respond(200, {"Upload-Offset": arrived, "Upload-Length": found.length})
        if request.method == "DELETE":
            store.cancel(id)
            return _respond(204)
        return _append(request, store, id)

    return _answer(request, answer)


def _options() -> HttpResponse:
    return _respond(204, {"Tus-Extension": "creation,termination,expiration", "Tus-Max-Size": _most_bytes()})


def _begin(request: Request, visitor: Visitor) -> HttpResponse:
    said = _metadata(request.headers.get("Upload-Metadata", ""))
    group = group_by_id(visitor, number(said.get("group")))
    length = _header(request, "Upload-Length")
    begun = _store(visitor, group).begin(said.get("folder", ""), said.get("filename", ""), length)
    where = reverse("flows:upload", args=[group.id, begun.id])
    expires = (begun.began + KEPT).strftime("%a, %d %b %Y %H:%M:%S GMT")
    return _respond(201, {"Location": where, "Upload-Expires": expires})


def _append(request: Request, store: UploadStore, id: str) -> HttpResponse:
    if request.headers.get("Content-Type") != BODY:
        return _respond(415)
    offset = _header(request, "Upload-Offset")
    found, _ = store.find(id)
    size = request.headers.get("Content-Length", "")
    if size.isascii() and size.isdigit() and offset + int(size) > found.length:
        raise UploadTooLong(
            fail(
                FailureCategory.BAD_REQUEST,
                f"More bytes are announced than the {found.length:,} that were declared.",
                next_step="Upload the file again from its beginning.",
            ).failure
        )
    return _respond(204, {"Upload-Offset": store.append(id, offset, _chunks(request))})


def _chunks(request: Request) -> Iterator[bytes]:
    while chunk := request.read(CHUNK):
        yield chunk


def _store(visitor: Visitor, group: VisitorGroup) -> UploadStore:
    """
    Raises:
        FailureError: NOT_CONFIGURED when uploads are switched off, STORAGE_UNAVAILABLE.
    """
    desk = read_desk()
    if not desk.settings.uploads.enabled:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            "Uploads are switched off on this site.",
            next_step="Copy files into the group's folder in another way; ask an administrator how.",
        )
    return UploadStore(desk.folder(group.name), visitor.id, most_bytes=_most_bytes())


def _most_bytes() -> int:
    return read_desk().settings.uploads.most_gigabytes * _GIGABYTE


def _metadata(header: str) -> dict[str, str]:
    """tus' `Upload-Metadata`: pairs of a key and a value in base64, comma between pairs.

    Raises:
        FailureError: BAD_REQUEST.
    """
    found = {}
    try:
        for pair in filter(None, header.split(",")):
            key, _, value = pair.strip().partition(" ")
            found[key] = base64.b64decode(value, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise fail(
            FailureCategory.BAD_REQUEST,
            "The upload's description cannot be read.",
            next_step="Upload with the page's own button.",
        ) from error
    return found


def _header(request: Request, name: str) -> int:
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"{name} is no number of bytes.",
            next_step="Upload with the page's own button.",
        )
    return int(text)


def _answer(request: Request, work: Callable[[], HttpResponse]) -> HttpResponse:
    """The work's answer; a failure as its sentence in plain text, which the page shows beside the file."""
    if request.method != "OPTIONS" and request.headers.get("Tus-Resumable") != VERSION:
        return _respond(412, {"Tus-Version": VERSION})
    try:
        return work()
    except WrongOffset as error:
        return _refuse(409, error)
    except UploadBusy as error:
        return _refuse(423, error)
    except UploadTooLong as error:
        return _refuse(413, error)
    except FailureError as error:
        return _refuse(_STATUS.get(error.failure.category, 503), error)


def _refuse(status: int, error: FailureError) -> HttpResponse:
    response = _respond(status)
    response["Content-Type"] = "text/plain; charset=utf-8"
    response.content = f"{error.failure.summary} {error.failure.next_step}".encode()
    return response


def _respond(status: int, headers: dict[str, object] | None = None) -> HttpResponse:
    response = HttpResponse(status=status)
    response["Tus-Resumable"] = VERSION
    response["Tus-Version"] = VERSION
    for name, value in (headers or {}).items():
        response[name] = str(value)
    return response
