"""Converters, good and bad: shell scripts in images of their own, called as BIOMERO's container contract says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from blocks.container_engine import LABEL
from tests.container_image import import_image

if TYPE_CHECKING:
    from docker import DockerClient

PROGRAMS = ("cp", "ln", "sleep", "yes", "head", "touch")

#: The arguments of the contract, as every script needs them.
READ_ARGUMENTS = """#!/bin/sh
while [ $# -gt 0 ]; do
  case "$1" in
    --inputfile) in="$2" ;; --outputfolder) out="$2" ;; --altoutputfolder) alt="$2" ;;
  esac
  shift
done
echo "converting $in"
"""
#: Copies the input into both folders and says so.
CONVERT = """
cp "$in" "$out/result.ome.tif"
cp "$in" "$alt/result.ome.tif"
"""
SAY = """
echo '[{"name": "result", "full_path": "'$out'/result.ome.tif", "alt_path": "'$alt'/result.ome.tif",
 "keyvalues": [{"Made by": "a test"}]}]' | while read -r a && read -r b; do echo "$a $b"; done
"""

#: What each converter does, after it has read its arguments.
SCRIPTS = {
    "good": CONVERT + SAY,
    "two-results": CONVERT
    + """
cp "$in" "$out/second.ome.tif"
echo '[{"name": "one", "full_path": "'$out'/result.ome.tif"}, {"name": "two", "full_path": "'$out'/second.ome.tif"}]'
""",
    "waits": "while [ -e /data/hold ]; do sleep 0.1; done" + CONVERT + SAY,
    "hangs": CONVERT + "sleep 100000",
    "prints-rubbish": CONVERT + "echo 'Segmentation fault (core dumped)'",
    "names-files-outside": CONVERT + """echo '[{"name": "x", "full_path": "/etc/passwd"}]'""",
    "climbs-outside": CONVERT + """echo '[{"name": "x", "full_path": "'$out'/../../../etc/passwd"}]'""",
    "links-outside": 'ln -s "$in" "$out/result.ome.tif"'
    + """
echo '[{"name": "x", "full_path": "'$out'/result.ome.tif"}]'
""",
    "writes-nothing": """echo '[{"name": "x", "full_path": "'$out'/result.ome.tif"}]'""",
    "says-nothing": "exit 0",
    "leaves-a-child": CONVERT + "sleep 100000 >/dev/null 2>&1 &" + SAY,
    "never-stops-talking": CONVERT + "yes \"$(printf '%01000d' 0)\"",
    "dies-half-way": 'head -c 1000 "$in" > "$out/result.ome.tif"; cp "$in" "$alt/result.ome.tif"; exit 3',
    "writes-into-the-raw-data": 'touch "$in" || exit 4',
}


class ConverterImages:
    """The images of one test run in one container engine; `close` removes them."""

    def __init__(self, socket: Path) -> None:
        import docker

        self._client: DockerClient = docker.DockerClient(base_url=f"unix://{socket}")
        self._built: set[str] = set()

    def build(self, name: str) -> str:
        """The image of one of `SCRIPTS`, made at first use; returns the reference an order names."""
        reference = f"omero-flows-tests/{name}:1"
        if name not in self._built:
            import_image(self._client, reference, READ_ARGUMENTS + SCRIPTS[name], PROGRAMS)
            self._built.add(name)
        return reference

    def containers_of(self, token: str) -> list[str]:
        """Names of the running containers of one order."""
        return [
            str(container.name)
            for container in self._client.containers.list(filters={"label": LABEL})
            if container.labels[LABEL].startswith(token)
        ]

    def close(self) -> None:
        for name in self._built:
            self._client.images.remove(f"omero-flows-tests/{name}:1", force=True)
        self._client.close()
