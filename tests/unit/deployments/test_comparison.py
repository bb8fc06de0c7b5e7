"""What `omero-flows deploy --dry-run` shows: every difference, and no secret."""

from __future__ import annotations

from pydantic import SecretStr

from blocks.image_storage import ImageStorage
from blocks.omero_server import OmeroServer
from deployments.comparison import Standing, compare_blocks, compare_values


def server(password: str, host: str = "omero") -> OmeroServer:
    return OmeroServer(host=host, sudo_user="importer", password=SecretStr(password))


def test_the_same_is_the_same() -> None:
    assert compare_blocks(server("one"), server("one")).standing is Standing.SAME
    assert compare_values({"limit": 2}, {"limit": 2}).differences == ()


def test_another_secret_is_told_and_never_shown() -> None:
    found = compare_blocks(server("old-secret"), server("new-secret", host="elsewhere"))
    assert found.standing is Standing.DIFFERENT
    assert found.differences == ('host: "omero" -> "elsewhere"', "password: another secret")


def test_a_dictionary_is_compared_key_by_key() -> None:
    there = ImageStorage(root="/images", groups={"a": "a", "b": "b"})
    wanted = ImageStorage(root="/images", groups={"a": "other", "c": "c"})
    assert compare_blocks(there, wanted).differences == (
        'groups.a: "a" -> "other"',
        'groups.b: no more, was "b"',
        'groups.c: new, "c"',
    )


def test_long_values_are_cut_and_still_told_apart() -> None:
    found = compare_values({"schema": "x" * 200 + "1"}, {"schema": "x" * 200 + "2"})
    assert found.differences == ("schema: another",)
