"""`python -m sandbox.workflows FOLDER`: put the container images of our own workflows there, built if need be."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

from sandbox.workflows.container_image import NotBuilt, Workflow, keep_image
from sandbox.workflows.direct_run import write_image

NUCLEI = Workflow(
    name="nuclei",
    version="v1.0.0",
    module="sandbox.workflows.nuclei",
    packages=("scikit-image", "scipy", "numpy", "tifffile", "imagecodecs"),
)
WORKFLOWS = (NUCLEI,)


def place(image: Path, destination: Path) -> None:
    """Put the image there, whole or not at all; as another name of the same file where the disk allows."""
    partial = destination.with_name(f".{destination.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        partial.hardlink_to(image)
    except OSError:
        shutil.copyfile(image, partial)
    partial.chmod(0o644)
    partial.rename(destination)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox.workflows", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--direct", action="store_true", help="only say which module is to be run without a container")
    chosen = parser.parse_args()
    folder: Path = chosen.folder
    for workflow in WORKFLOWS:
        if chosen.direct:
            print(write_image(folder, workflow), flush=True)
            continue
        began = time.monotonic()
        try:
            image = keep_image(workflow)
        except NotBuilt as reason:
            print(f"{workflow.name}: {reason}", file=sys.stderr)
            return 1
        place(image, folder / workflow.image_name)
        print(f"{folder / workflow.image_name}: {image.name}, {time.monotonic() - began:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
