"""A workflow as one squashfs file that ch-run runs: a Python, the packages it needs, the program, a run script."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from sandbox.workflows.python_files import (
    PACKAGES,
    PYTHON,
    VERSION,
    find_distributions,
    interpreter,
    python_files,
    shared_libraries,
)

_HERE = Path(__file__).parent
_PROJECT = _HERE.parents[1]

#: Where Singularity and Apptainer put an image's entry point; so a converted image runs the same way.
RUN_SCRIPT = "/.singularity.d/runscript"

#: How the image's file ends.
IMAGE_ENDING = ".sqfs"

#: Places that ch-run mounts from the host, and empty ones to mount data at: it makes none itself in an
#: image that is read-only.
_FOLDERS = (
    *("dev", "proc", "sys", "tmp", "var/tmp", "home", "run", "usr/bin", "data", "srv/storage"),
    *(f"mnt/{number}" for number in range(10)),
)
_MOUNTED_FILES = ("etc/passwd", "etc/group", "etc/hosts", "etc/resolv.conf")

#: How many images of one workflow the cache keeps: two checkouts must not push each other's out.
_KEPT = 3


class NotBuilt(Exception):
    """The image could not be made; the message says why."""


@dataclass(frozen=True)
class Workflow:
    """A workflow of ours. `module` is what the container runs; `packages` are what that imports of others."""

    name: str
    version: str
    module: str
    packages: tuple[str, ...]

    @property
    def plain_name(self) -> str:
        """As BIOMERO names the images on a cluster, `<name>_<version>`, without a suffix."""
        return f"{self.name}_{self.version}"

    @property
    def image_name(self) -> str:
        """With Charliecloud's suffix."""
        return f"{self.plain_name}{IMAGE_ENDING}"


def cache_folder() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "omero-flows" / "images"


def keep_image(workflow: Workflow) -> Path:
    """The workflow's image in the cache, built when its program, packages, Python or the recipe have changed.

    Raises:
        NotBuilt: mksquashfs is missing or failed.
    """
    folder = cache_folder()
    image = folder / f"{workflow.name}-{fingerprint(workflow)}{IMAGE_ENDING}"
    if not image.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial = image.with_name(f".{image.name}.{os.getpid()}")
        try:
            build(workflow, partial)
            partial.rename(image)
        finally:
            partial.unlink(missing_ok=True)
    os.utime(image)
    for old in sorted(folder.glob(f"{workflow.name}-*{IMAGE_ENDING}"), key=lambda file: file.stat().st_mtime)[:-_KEPT]:
        old.unlink(missing_ok=True)
    return image


def fingerprint(workflow: Workflow) -> str:
    """A name for what the image is made of."""
    digest = hashlib.sha256()
    parts = [
        repr(workflow),
        f"{interpreter()} {interpreter().stat().st_size} {platform.python_version()}",
        f"{platform.machine()} {platform.libc_ver()}",
        *(f"{package.name}=={package.version}" for package in find_distributions(workflow.packages)),
        *(file.read_text("utf-8") for file in [*sorted(_HERE.glob("*.py")), *program_files(workflow).values()]),
    ]
    for part in parts:
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:16]


def build(workflow: Workflow, image: Path) -> None:
    """Write the image to `image`.

    Raises:
        NotBuilt: mksquashfs is missing or failed.
    """
    mksquashfs = shutil.which("mksquashfs")
    if mksquashfs is None:
        raise NotBuilt("mksquashfs is not installed (apt-get install squashfs-tools)")
    files = python_files(find_distributions(workflow.packages))
    files |= {**program_files(workflow), "bin/sh": Path("/bin/sh")}
    files |= shared_libraries(files)
    # The contents go through a pipe as a tar archive: nothing is copied. zstd at its fastest: a second
    # more for every job would be worse than some megabytes.
    command = [mksquashfs, "-", str(image), "-tar", "-comp", "zstd", "-Xcompression-level", "1", "-noappend", "-quiet"]
    with subprocess.Popen(
        [*command, "-no-progress"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None and process.stderr is not None
        try:
            with tarfile.open(fileobj=process.stdin, mode="w|") as archive:
                _write(archive, files, workflow)
            process.stdin.close()
        except BrokenPipeError:
            pass  # it ended before it had read all, and says why
        said = process.stderr.read().decode(errors="replace").strip()
    if process.returncode:
        raise NotBuilt(f"mksquashfs ended with status {process.returncode}: {said}")


def program_files(workflow: Workflow) -> dict[str, Path]:
    """The workflow's own modules, and the packages they lie in."""
    folder = _PROJECT.joinpath(*workflow.module.split("."))
    modules = [*folder.glob("*.py"), *(parent / "__init__.py" for parent in folder.parents)]
    modules = [file for file in sorted(modules) if file.is_relative_to(_PROJECT / "sandbox")]
    return {f"app/{file.relative_to(_PROJECT).as_posix()}": file for file in modules}


def _run_script(workflow: Workflow) -> str:
    return (
        "#!/bin/sh\n"
        f"export PYTHONPATH=/{PACKAGES}:/app PYTHONNOUSERSITE=1 PYTHONSAFEPATH=1 LD_LIBRARY_PATH=/{PYTHON}/lib\n"
        "unset PYTHONHOME PYTHONSTARTUP\n"
        f'exec /{PYTHON}/bin/{VERSION} -m {workflow.module} "$@"\n'
    )


def _write(archive: tarfile.TarFile, files: dict[str, Path], workflow: Workflow) -> None:
    script = RUN_SCRIPT.lstrip("/")
    texts = {script: _run_script(workflow), **dict.fromkeys(_MOUNTED_FILES, "")}
    parents = {parent.as_posix() for name in [*files, *texts, *_FOLDERS] for parent in Path(name).parents}
    for name in sorted((parents | set(_FOLDERS)) - {"."}):
        folder = tarfile.TarInfo(name)
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(folder)
    for name, text in texts.items():
        content = text.encode()
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(content), 0o755 if name == script else 0o644
        archive.addfile(entry, BytesIO(content))
    for name, source in files.items():
        file = Path(os.path.realpath(source))
        status = file.stat()
        entry = tarfile.TarInfo(name)
        # Python takes a compiled module only if the source has the modification time it was compiled at.
        entry.size, entry.mtime = status.st_size, int(status.st_mtime)
        entry.mode = 0o755 if status.st_mode & 0o111 else 0o644
        with file.open("rb") as content_file:
            archive.addfile(entry, content_file)
