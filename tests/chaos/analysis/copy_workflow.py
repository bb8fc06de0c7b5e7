"""A workflow that takes no time: it copies each input image, and writes a table and some bytes of it.

It is a shell script that the cluster's block runs in the place of a container, so that many runs cost next to nothing.
"""

from __future__ import annotations

import json
from typing import Any

from contracts.workflow_entry import WorkflowEntry
from tests.cluster.login import RUN_AS_SCRIPT

NAME = "copy"
IMAGE = "tests/copy:1"
#: Where the script lies below the cluster's folder of images.
SCRIPT_FILE = "copy/copy_1.sh"

#: `--bytes N` of noise come beside the copy. A file `fail-<run>-<task>` beside the script lets that task fail.
SCRIPT = r"""
task=${IN##*/} run=${IN%/staged/in/*} bytes=100
while [ "$#" -gt 0 ]; do
    case $1 in --bytes) bytes=$2; shift ;; esac
    shift
done
if [ -e "${0%/*}/fail-${run##*/}-$task" ]; then echo "told to fail" >&2; exit 3; fi
for image in "$IN"/*; do
    name=${image##*/} name=${name%%.*}
    cp "$image" "$OUT/${name}_copy.ome.tif"
    printf 'label,area\n1,2.5\n2,3.5\n' > "$OUT/$name.csv"
    head -c "$bytes" /dev/urandom > "$OUT/$name.bin"
done
"""

#: What of the cluster's block is other than a site has it: the script is the container, and inputs are really sent.
CLUSTER: dict[str, Any] = {
    "container_command": RUN_AS_SCRIPT,
    "container_stop": None,
    "image_ending": ".sh",
    "mounts": {},
}


def entry() -> WorkflowEntry:
    """The workflow as a catalogue has it."""
    inputs = [
        {
            "id": "bytes",
            "name": "Bytes",
            "description": "Bytes of noise beside each copy",
            "type": "Number",
            "value-key": "@ID",
            "command-line-flag": "--@id",
            "default-value": 100,
            "set-by-server": False,
            "optional": True,
        }
    ]
    descriptor = {
        "name": "Copy",
        "description": "Copies every image",
        "schema-version": "cytomine-0.1",
        "container-image": {"image": IMAGE, "type": "singularity"},
        "command-line": "copy --infolder INFOLDER --gtfolder GTFOLDER --outfolder OUTFOLDER BYTES",
        "inputs": inputs,
    }
    return WorkflowEntry(descriptor=json.dumps(descriptor), image=IMAGE)
