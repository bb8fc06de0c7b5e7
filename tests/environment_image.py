"""The environment of our container images, made without a registry: this machine's Python, packages and nginx.

It stands for what `deployments/containers/Containerfile.environment` makes of Debian's packages and PyPI's.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
import tomllib
from hashlib import sha256
from importlib.metadata import distribution
from io import BytesIO
from pathlib import Path

from docker import DockerClient
from packaging.requirements import Requirement

from sandbox.workflows.python_files import (
    PACKAGES,
    PYTHON,
    VERSION,
    find_distributions,
    python_files,
    shared_libraries,
)

PROJECT = Path(__file__).parents[1]
_FOLDERS = ("tmp", "proc", "sys", "dev", "etc/omero-flows")
_ACCOUNTS = "root:x:0:0:root:/tmp:/bin/sh\nwww-data:x:33:33::/tmp:/bin/sh\nnobody:x:65534:65534::/tmp:/bin/sh\n"
_GROUPS = "root:x:0:\nadm:x:4:\nwww-data:x:33:\nnogroup:x:65534:\n"


def provide_environment(client: DockerClient, folder: Path) -> str:
    """The image's name; made when the engine has none of these packages. `folder` holds it meanwhile as a tar."""
    made_of = [f"{package.name}=={package.version}" for package in find_distributions(_needed())]
    made_of.append(Path(__file__).read_text("utf-8"))
    reference = f"localhost/omero-flows-environment:{sha256(repr(made_of).encode()).hexdigest()[:16]}"
    if not client.images.list(name=reference):
        _build(client, reference, folder)
    return reference


def _build(client: DockerClient, reference: str, folder: Path) -> None:
    archive = folder / "environment.tar"
    with tarfile.open(archive, "w") as opened:
        _write(opened)
    repository, _, tag = reference.rpartition(":")
    path = f"/{PYTHON}/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    client.api.import_image_from_file(
        str(archive),
        repository=repository,
        tag=tag,
        changes=[f"ENV PATH={path} PYTHONPATH=/{PACKAGES} LD_LIBRARY_PATH=/{PYTHON}/lib PYTHONDONTWRITEBYTECODE=1"],
    )
    archive.unlink()


def _write(archive: tarfile.TarFile) -> None:
    files = python_files(find_distributions(_needed()))
    for program in ("sh", "nginx", "ldd"):
        found = shutil.which(program, path="/usr/sbin:/usr/bin:/bin")
        if found is not None:
            files[f"usr/bin/{program}"] = Path(found)
    files |= shared_libraries(files) | _loader()
    files["etc/nginx/mime.types"] = Path("/etc/nginx/mime.types")
    files["etc/ssl/certs/ca-certificates.crt"] = Path("/etc/ssl/certs/ca-certificates.crt")
    texts = {"etc/passwd": _ACCOUNTS, "etc/group": _GROUPS}
    names = [*files, *texts]
    for folder in sorted({str(parent) for name in names for parent in Path(name).parents} | set(_FOLDERS) - {"."}):
        entry = tarfile.TarInfo(folder)
        entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
        archive.addfile(entry)
    for name, text in texts.items():
        entry = tarfile.TarInfo(name)
        entry.size = len(text)
        archive.addfile(entry, BytesIO(text.encode()))
    for name, target in {f"{PYTHON}/bin/python": VERSION, "bin/sh": "../usr/bin/sh"}.items():
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = tarfile.SYMTYPE, target
        archive.addfile(entry)
    for name, source in files.items():
        archive.add(os.path.realpath(source), arcname=name, recursive=False)


def _needed() -> list[str]:
    """The packages of pyproject.toml that the containers' lock file has as well, with their extras."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [Requirement(text) for text in (*project["dependencies"], *project["optional-dependencies"]["web"])]
    extras = [
        further.name
        for requirement in wanted
        for extra in requirement.extras
        for further in map(Requirement, distribution(requirement.name).requires or ())
        if further.marker is not None and further.marker.evaluate({"extra": extra})
    ]
    return [requirement.name for requirement in wanted] + extras


def _loader() -> dict[str, Path]:
    """The dynamic loader, which programs name themselves and ldd lists without an arrow."""
    listed = subprocess.run(["ldd", "/bin/sh"], capture_output=True, text=True, check=True).stdout
    return {place.lstrip("/"): Path(place) for place in re.findall(r"^\s*(/\S+) \(0x", listed, re.MULTILINE)}
