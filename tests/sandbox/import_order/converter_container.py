"""The converter container of these tests; its option `--behave` says what it does besides converting."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.site import Site
from tests.container_image import import_image

#: Docker Hub is meant where no registry is named, so the engine knows it under that name.
IMAGE = "omero-flows-tests/converter:2.1"
PROGRAMS = ("cp", "ls", "head", "tail", "touch", "sleep")

#: Prints its arguments, one a line; then converts the input into two outputs, each with key-values of its own.
SCRIPT = r"""
printf 'called with:'; printf ' [%s]' "$@"; echo
while [ $# -gt 0 ]; do
  case "$1" in
    --inputfile) in="$2"; shift ;; --outputfolder) out="$2"; shift ;; --altoutputfolder) alt="$2"; shift ;;
    --behave) behave="$2"; shift ;;
  esac
  shift
done
case "$behave" in
  wait) while [ ! -e /data/go ]; do sleep 0.1; done ;;
  write) touch /data/mine || exit 4 ;;
  network) echo "network: $(ls /sys/class/net)" ;;
  memory) head -c 400000000 /dev/zero | tail -c 400000000 >/tmp/never; [ $? = 0 ] || exit 1 ;;
esac
for folder in "$out" "$alt"; do
  cp "$in" "$folder/first.ome.tif" && cp "$in" "$folder/second.ome.tif" || exit 5
done
printf '[{"name": "cells, 1st", "full_path": "%s/first.ome.tif", "alt_path": "%s/first.ome.tif", ' "$out" "$alt"
printf '"keyvalues": [{"Position": "A1", "Exposure": 20}]}, '
printf '{"name": "cells, 2nd", "full_path": "%s/second.ome.tif", "alt_path": "%s/second.ome.tif", ' "$out" "$alt"
printf '"keyvalues": [{"Position": "B1"}, {"Position": "B2"}]}]\n'
"""


def engine_socket(site: Site) -> Path:
    """The socket of the site's container engine; the test is skipped where none can run."""
    socket = site.docker_socket
    if socket is None:
        pytest.skip("the site has no container engine; `omero-flows sandbox status` says why")
    return socket


def make_image(site: Site) -> str:
    """Give the site's engine the image; returns its id."""
    import docker

    client = docker.DockerClient(base_url=f"unix://{engine_socket(site)}")
    try:
        return import_image(client, f"docker.io/{IMAGE}", SCRIPT, PROGRAMS)
    finally:
        client.close()
