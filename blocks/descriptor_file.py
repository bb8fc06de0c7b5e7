"""The text of a workflow's descriptor, from the web or from a disk: bounded in size and time."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path

import httpx

from contracts.descriptor_source import DescriptorSource, read_source
from contracts.failures import FailureCategory, FailureError, fail

#: Bytes. The largest published descriptors have some 15,000.
MOST_BYTES = 512 * 1024
#: Seconds for one step of a connection, and for one file as a whole.
STEP_SECONDS = 10.0
FILE_SECONDS = 30.0
MOST_REDIRECTS = 3

_NOT_THERE = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}


def fetch_descriptor(source: DescriptorSource) -> str:
    """The first of the source's addresses where there is a file. Only http and https are followed.

    Raises:
        FailureError: DESCRIPTOR_NOT_FOUND, DESCRIPTOR_UNREACHABLE, BROKEN_DESCRIPTOR when it is too large
            or no text in UTF-8.
    """
    # A loop of its own, in a thread of its own: only a cancelled task ends a server that sends a byte now and then,
    # and the caller may be in a loop already.
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, _fetch_first(source)).result()


def read_descriptor_file(path: Path) -> str:
    """The text of a file on this machine.

    Raises:
        FailureError: DESCRIPTOR_NOT_FOUND, BROKEN_DESCRIPTOR.
    """
    try:
        if path.is_file():
            with path.open("rb") as file:
                return _decode(file.read(MOST_BYTES + 1), str(path))
        detail = "it is not there, or no file"
    except OSError as error:
        detail = str(error)
    raise fail(
        FailureCategory.DESCRIPTOR_NOT_FOUND,
        f"The descriptor {str(path)!r} cannot be read.",
        detail=detail,
        next_step="Check the path, and that this account may read it.",
    )


async def _fetch_first(source: DescriptorSource) -> str:
    # "identity": what is counted is what is kept; a small compressed answer cannot become a large one.
    headers = {"Accept-Encoding": "identity", "User-Agent": "omero-flows"}
    async with httpx.AsyncClient(timeout=STEP_SECONDS, headers=headers, follow_redirects=False) as client:
        for address in source.addresses:
            try:
                async with asyncio.timeout(FILE_SECONDS):
                    content = await _fetch(client, address)
            except TimeoutError as error:
                raise _unreachable(address, f"it was not there within {FILE_SECONDS:g} seconds") from error
            except httpx.InvalidURL as error:
                raise fail(
                    FailureCategory.DESCRIPTOR_NOT_FOUND,
                    f"{address!r} is no address.",
                    detail=str(error),
                    next_step="Correct it.",
                ) from error
            except httpx.HTTPError as error:
                raise _unreachable(address, f"{type(error).__name__}: {error}") from error
            if content is not None:
                return _decode(content, address)
    raise fail(
        FailureCategory.DESCRIPTOR_NOT_FOUND,
        "There is no descriptor at the workflow's address.",
        detail="\n".join(source.addresses),
        next_step="Check the repository, its tag, and that it is public.",
    )


async def _fetch(client: httpx.AsyncClient, address: str) -> bytes | None:
    """The file at an address; None when the server says that there is none."""
    for _ in range(MOST_REDIRECTS + 1):
        async with client.stream("GET", address) as answer:
            if answer.has_redirect_location:
                address = await _redirected(answer)
                continue
            if answer.status_code in _NOT_THERE:
                return None
            _check_status(address, answer.status_code)
            content = bytearray()
            async for chunk in answer.aiter_raw():
                content += chunk
                if len(content) > MOST_BYTES:
                    break
            return bytes(content)
    raise fail(
        FailureCategory.DESCRIPTOR_NOT_FOUND,
        f"The address {address!r} leads from one place to the next without end.",
        next_step="Give the address of the file itself.",
    )


async def _redirected(answer: httpx.Response) -> str:
    """Where a server sends us: never from the open web into the site's own network."""
    target = str(answer.url.join(answer.headers["Location"]))
    try:
        read_source(target)
        if answer.url.scheme == "https" and not target.startswith("https://"):
            raise ValueError("it leaves https")
        host = httpx.URL(target).host
        if host != answer.url.host and await _is_inside(host):
            raise ValueError("it leads from one server into a private network")
    except ValueError as error:
        raise fail(
            FailureCategory.DESCRIPTOR_NOT_FOUND,
            f"The address {str(answer.url)!r} leads to one that is not followed.",
            detail=f"{target!r}: {error}",
            next_step="Give the address of the file itself.",
        ) from error
    return target


async def _is_inside(host: str) -> bool:
    """Whether any address of a host is one that the open web cannot have."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False  # the request itself says that there is no such host
    return any(not ipaddress.ip_address(str(entry[4][0]).partition("%")[0]).is_global for entry in found)


def _check_status(address: str, status: int) -> None:
    if status == HTTPStatus.OK:
        return
    if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise _unreachable(address, f"HTTP status {status}")
    raise fail(
        FailureCategory.DESCRIPTOR_NOT_FOUND,
        f"The server does not give the descriptor at {address!r}.",
        detail=f"HTTP status {status}",
        next_step="Check the address, and that it is public.",
    )


def _decode(content: bytes, place: str) -> str:
    if len(content) > MOST_BYTES:
        raise fail(
            FailureCategory.BROKEN_DESCRIPTOR,
            f"{place!r} is no descriptor: it has more than {MOST_BYTES >> 10} KiB.",
            next_step="Give the address or path of the descriptor itself.",
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise fail(
            FailureCategory.BROKEN_DESCRIPTOR,
            f"{place!r} is no descriptor: it is no text in UTF-8.",
            detail=str(error),
            next_step="Give the address or path of the descriptor itself.",
        ) from error


def _unreachable(address: str, detail: str) -> FailureError:
    return fail(
        FailureCategory.DESCRIPTOR_UNREACHABLE,
        f"The descriptor at {address!r} cannot be fetched just now.",
        detail=detail,
        next_step="Wait and try again, or keep a copy of it in the catalogue.",
    )
