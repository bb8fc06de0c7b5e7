"""OMERO.forms' way to keep long texts in a map annotation: zlib, base64, pieces of at most 1024 bytes.

OMERO's table of map values has a B-tree index over the value, and PostgreSQL refuses index entries of more than
about 2.7 kB. A short text is a row `key: text`. A long one is a row with a manifest and one row for each piece:

    key: {"_omero_forms_storage": "chunked-zlib-base64-v1", "prefix": "__ofchunk__<32 hex>", "chunks": 2,
          "raw_bytes": 9000, "encoded_bytes": 1500, "sha256": "<of the raw bytes>"}
    __ofchunk__<32 hex>:000000: <at most 1024 characters>
    __ofchunk__<32 hex>:000001: ...

Source: omero-forms 2.3.1 as published on PyPI, `storage_codec.py`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import uuid
import zlib
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError

from contracts.base import Contract
from contracts.failures import FailureCategory, FailureError, fail

#: The rows of a map annotation in their sequence.
Rows = tuple[tuple[str, str], ...]

#: Bytes of UTF-8 of one value.
LONGEST_VALUE = 1024
#: Bytes of one text before compression: what claims to be larger is not unpacked.
LARGEST_TEXT = 16 << 20
PREFIX = "__ofchunk__"
MARKER = "_omero_forms_storage"
FORMAT = "chunked-zlib-base64-v1"

_PIECE = re.compile(r"(__ofchunk__[0-9a-f]{32}):([0-9]+)", re.ASCII)


class Manifest(Contract):
    """What stands in the place of a long text."""

    storage: Annotated[Literal["chunked-zlib-base64-v1"], Field(alias=MARKER)]
    prefix: Annotated[str, StringConstraints(pattern=r"^__ofchunk__[0-9a-f]{32}$")]
    chunks: Annotated[int, Field(ge=1)]
    raw_bytes: Annotated[int, Field(ge=0, le=LARGEST_TEXT)]
    encoded_bytes: Annotated[int, Field(ge=1)]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def encode_text(key: str, text: str) -> Rows:
    """The rows that keep a text under a key; the row of the key comes first.

    Raises:
        FailureError: BAD_REQUEST for a text of more than `LARGEST_TEXT` bytes.
    """
    raw = text.encode("utf-8")
    if len(raw) <= LONGEST_VALUE:
        return ((key, text),)
    if len(raw) > LARGEST_TEXT:
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"What is to be kept has {len(raw):,} bytes; at most {LARGEST_TEXT:,} fit.",
            next_step="Attach large data to the object as a file instead.",
        )
    encoded = base64.b64encode(zlib.compress(raw)).decode("ascii")
    pieces = [encoded[start : start + LONGEST_VALUE] for start in range(0, len(encoded), LONGEST_VALUE)]
    prefix = PREFIX + uuid.uuid4().hex
    manifest = {
        MARKER: FORMAT,
        "prefix": prefix,
        "chunks": len(pieces),
        "raw_bytes": len(raw),
        "encoded_bytes": len(encoded),
        "sha256": hashlib.sha256(raw).hexdigest(),
    }
    first = (key, json.dumps(manifest, separators=(",", ":"), sort_keys=True))
    return (first, *((f"{prefix}:{number:06d}", piece) for number, piece in enumerate(pieces)))


def decode_texts(rows: Sequence[tuple[str, str]], other_keys: Iterable[str] = ()) -> Rows:
    """(key, text) of every text in the rows, in their sequence; rows with one of `other_keys` are none.

    Raises:
        FailureError: BROKEN_FORM where pieces are missing, twice there, or not what the manifest says.
    """
    others = frozenset(other_keys)
    pieces: dict[str, dict[int, str]] = {}
    for key, value in rows:
        if not key.startswith(PREFIX):
            continue
        match = _PIECE.fullmatch(key)
        if match is None:
            raise _broken(f"{key[:80]!r} names no piece of a text")
        numbered = pieces.setdefault(match[1], {})
        if int(match[2]) in numbered:
            raise _broken(f"the piece {key!r} is there twice")
        numbered[int(match[2])] = value
    texts = []
    for key, value in rows:
        if key in others or key.startswith(PREFIX):
            continue
        manifest = _read_manifest(value)
        texts.append((key, value if manifest is None else _join(manifest, pieces.pop(manifest.prefix, {}))))
    if pieces:
        raise _broken(f"nothing refers to the pieces {sorted(pieces)[0]!r}")
    return tuple(texts)


def _read_manifest(value: str) -> Manifest | None:
    """The manifest that a value is; None for a text that stands for itself."""
    if MARKER not in value:
        return None
    try:
        content: Any = json.loads(value)
    except ValueError:
        return None
    if not isinstance(content, dict) or MARKER not in content:
        return None
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        raise _broken(f"the manifest is not one of {FORMAT!r}: {error.errors()[0]['msg']}") from error


def _join(manifest: Manifest, pieces: dict[int, str]) -> str:
    if sorted(pieces) != list(range(manifest.chunks)):
        raise _broken(f"of {manifest.chunks} pieces these are there: {sorted(pieces)[:20]}")
    encoded = "".join(pieces[number] for number in range(manifest.chunks))
    if len(encoded) != manifest.encoded_bytes:
        raise _broken(f"the pieces have {len(encoded)} characters, not {manifest.encoded_bytes}")
    try:
        unpacker = zlib.decompressobj()
        raw = unpacker.decompress(base64.b64decode(encoded, validate=True), manifest.raw_bytes + 1)
        if len(raw) != manifest.raw_bytes or not unpacker.eof or unpacker.unused_data:
            raise _broken(f"the text does not have the {manifest.raw_bytes} bytes that the manifest says")
        if hashlib.sha256(raw).hexdigest() != manifest.sha256:
            raise _broken("the text does not have the SHA-256 that the manifest says")
        return raw.decode("utf-8")
    except (binascii.Error, zlib.error, ValueError) as error:
        raise _broken(f"the pieces cannot be unpacked: {error}") from error


def _broken(detail: str) -> FailureError:
    return fail(
        FailureCategory.BROKEN_FORM,
        "A form or record in OMERO cannot be read.",
        detail=detail,
        next_step="Somebody changed its map annotation by hand; restore it from OMERO's backup.",
    )
