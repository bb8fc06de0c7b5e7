"""A converter's container image, made without a registry: this machine's shell and a script, as a tar."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

from docker import DockerClient


def import_image(client: DockerClient, reference: str, script: str, programs: tuple[str, ...]) -> str:
    """Give the engine an image that runs `script` with /bin/sh; returns the image's id (`sha256:...`).

    `reference` has a repository and a tag. `programs` are copied from this machine with the libraries
    they need.
    """
    repository, _, tag = reference.rpartition(":")
    answer = client.api.import_image_from_data(
        _root_file_system(script, ("sh", *programs)),
        repository=repository,
        tag=tag,
        changes=['ENTRYPOINT ["/bin/sh", "/convert"]'],
    )
    return str(json.loads(answer.strip().splitlines()[-1])["status"])


def _root_file_system(script: str, programs: tuple[str, ...]) -> bytes:
    files: dict[str, Path] = {}
    for program in programs:
        found = shutil.which(program)
        assert found is not None, f"{program} is not on this machine"
        files[f"bin/{program}"] = Path(found).resolve()
        linked = subprocess.run(["ldd", found], capture_output=True, text=True, check=False).stdout
        for library in re.findall(r"(/\S+) \(0x", linked):
            files[library.lstrip("/")] = Path(library).resolve()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, place in sorted(files.items()):
            archive.add(place, arcname=name)
        text = tarfile.TarInfo("convert")
        text.size, text.mode = len(script.encode()), 0o755
        archive.addfile(text, io.BytesIO(script.encode()))
        for name in ("tmp", "data", "out"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o777
            archive.addfile(folder)
    return packed.getvalue()
