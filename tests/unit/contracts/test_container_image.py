"""Names of container images: what people write, what is pulled, and the file it becomes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.container_image import ContainerImage

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest"),
    [
        ("org/name", "docker.io", "org/name", None, None),
        ("org/name:1.2", "docker.io", "org/name", "1.2", None),
        ("docker.io/org/name:1.2", "docker.io", "org/name", "1.2", None),
        ("index.docker.io/org/name", "docker.io", "org/name", None, None),
        ("docker://org/name:v1.3.1", "docker.io", "org/name", "v1.3.1", None),
        ("python:3.11", "docker.io", "library/python", "3.11", None),
        ("docker.io/python", "docker.io", "library/python", None, None),
        ("ghcr.io/org/name", "ghcr.io", "org/name", None, None),
        ("ghcr.io/org/sub/name:v1", "ghcr.io", "org/sub/name", "v1", None),
        ("registry:5000/org/name", "registry:5000", "org/name", None, None),
        ("registry:5000/org/name:v1", "registry:5000", "org/name", "v1", None),
        (f"registry:5000/org/name@{DIGEST}", "registry:5000", "org/name", None, DIGEST),
        (f"ghcr.io/org/name:1.2@{DIGEST}", "ghcr.io", "org/name", "1.2", DIGEST),
        ("localhost/name:1", "localhost", "name", "1", None),
        ("neubiaswg5/w_nucleisegmentation-imagej", "docker.io", "neubiaswg5/w_nucleisegmentation-imagej", None, None),
    ],
)
def test_an_image_is_read(text: str, registry: str, repository: str, tag: str | None, digest: str | None) -> None:
    image = ContainerImage.parse(text)
    assert (image.registry, image.repository, image.tag, image.digest) == (registry, repository, tag, digest)
    assert ContainerImage.parse(image.address).address == image.address


@pytest.mark.parametrize(
    ("text", "address", "file_name"),
    [
        ("org/name:v1.3.1", "docker.io/org/name:v1.3.1", "name_v1.3.1.sif"),
        ("ghcr.io/org/name", "ghcr.io/org/name", "name_latest.sif"),
        ("registry:5000/org/name:2", "registry:5000/org/name:2", "name_2.sif"),
        (f"org/name:2@{DIGEST}", f"docker.io/org/name@{DIGEST}", f"name_{DIGEST.replace(':', '-')}.sif"),
    ],
)
def test_what_is_pulled_and_the_file_it_becomes(text: str, address: str, file_name: str) -> None:
    image = ContainerImage.parse(text)
    assert (image.address, image.file_name) == (address, file_name)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no repository"),
        ("org/", "no repository"),
        ("/name", "no repository"),
        ("Org/Name", "capital letters"),
        ("org/name:", "no tag"),
        ("org/name:a b", "no tag"),
        ("org/name:" + "x" * 129, "no tag"),
        ("org/name@sha256:abc", "no digest"),
        ("org/name@", "no digest"),
        ("-x.example/org/name", "no registry"),
        ("registry:port/org/name", "no registry"),
        ("org/name; touch x", "no repository"),
        ("org/../name", "no repository"),
        ("org/name\n", "no repository"),
        ("a" * 600, "at most 512"),
        ("a" * 121, "at most 120"),
    ],
)
def test_what_is_no_image(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ContainerImage.parse(text)


def test_a_version_is_given_only_to_an_image_without_one() -> None:
    assert ContainerImage.parse("org/name").with_tag("v1").address == "docker.io/org/name:v1"
    assert ContainerImage.parse("org/name:2").with_tag("v1").address == "docker.io/org/name:2"
    assert ContainerImage.parse(f"org/name@{DIGEST}").with_tag("v1").version == DIGEST
    assert ContainerImage.parse("org/name").with_tag(None).version == "latest"
    with pytest.raises(ValidationError):
        ContainerImage.parse("org/name").with_tag("feature/x")


@given(st.text(alphabet="aB0-_.:/@ \n\"'$;sh256é\0", max_size=60))
def test_whatever_is_read_is_safe_in_a_path_and_in_a_command(text: str) -> None:
    try:
        image = ContainerImage.parse(text)
    except ValueError:
        return
    assert not set(image.address) & set(" \n\"'$;\0") and not image.address.startswith("-")
    assert "/" not in image.file_name and not image.file_name.startswith((".", "-"))
    assert len(image.file_name.encode()) <= 255


def test_an_image_survives_json() -> None:
    image = ContainerImage.parse(f"ghcr.io/org/name:1@{DIGEST}")
    assert ContainerImage.model_validate_json(image.model_dump_json()) == image
