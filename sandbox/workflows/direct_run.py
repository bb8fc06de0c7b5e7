"""Runs a workflow of ours without a container, in this environment, where nothing can run its image.

    python -m sandbox.workflows.direct_run IMAGE IN GT FILES OUT ARGUMENTS...

Its "image" is a file that holds the name of the workflow's module. Paths below /data are made those of the task. It is
no container: the program sees whatever the account sees. It is for the sandbox alone, which says so when it is used.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from sandbox.workflows.container_image import Workflow

IMAGE_ENDING = ".module"


def write_image(folder: Path, workflow: Workflow) -> Path:
    """Put the workflow's "image" into a folder."""
    image = folder / f"{workflow.plain_name}{IMAGE_ENDING}"
    image.write_text(f"{workflow.module}\n", encoding="utf-8")
    return image


def run_template() -> str:
    """The container command of a SlurmCluster block (blocks/container_runtime.py)."""
    return shlex.join([sys.executable, "-m", "sandbox.workflows.direct_run"]) + " {image} {in} {gt} {files} {out}"


def make_command(image: Path, folders: dict[str, str], arguments: Sequence[str]) -> list[str]:
    """The workflow's command line.

    Raises:
        ValueError: the file is no such image.
    """
    module = image.read_text("utf-8").strip()
    if not re.fullmatch(r"sandbox\.workflows\.[a-z_]+", module):
        raise ValueError(f"{image} does not name a workflow of the sandbox")
    return [sys.executable, "-m", module, *(_outside(word, folders) for word in arguments)]


def _outside(word: str, folders: dict[str, str]) -> str:
    for inside, outside in folders.items():
        if word == inside or word.startswith(f"{inside}/"):
            return outside + word.removeprefix(inside)
    return word


def main() -> None:
    image, *folders = sys.argv[1:6]
    names = ("in", "gt", "files", "out")
    places = {f"/data/{name}": folder for name, folder in zip(names, folders, strict=True)}
    command = make_command(Path(image), places, sys.argv[6:])
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
