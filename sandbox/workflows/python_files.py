"""What a container needs of this machine's Python: interpreter, standard library, packages, shared libraries.

Taken from the environment we run in, so that the container has the very versions the lock file pins and
nothing is downloaded. It works for Debian's Python as for one under any prefix (pyenv): the interpreter
is put under /opt/python, where it finds its standard library by its own place.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PYTHON = "opt/python"
PACKAGES = "opt/packages"
#: The interpreter's name, and that of its standard library's folder.
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"

#: Parts of the standard library that no analysis needs; two of them would bring X11 along.
_LEFT_OUT = re.compile(
    r"(^|/)(test|tests|idlelib|tkinter|turtledemo|ensurepip|lib2to3|config-[^/]*|site-packages|dist-packages)(/|$)"
    r"|/lib-dynload/(_tkinter|_test|_xx|xxlimited|_ctypes_test)|\.opt-\d\.pyc$|\.a$"
)


def interpreter() -> Path:
    """The real program, not a virtual environment's link to it."""
    return Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))


def find_distributions(names: Iterable[str]) -> list[Distribution]:
    """The installed packages of these names and all they require, without extras, sorted by name.

    Raises:
        importlib.metadata.PackageNotFoundError: one is not installed.
    """
    found: dict[str, Distribution] = {}
    left = list(names)
    while left:
        name = canonicalize_name(left.pop())
        if name in found:
            continue
        found[name] = distribution(name)
        for requirement in map(Requirement, found[name].requires or ()):
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                left.append(requirement.name)
    return [found[name] for name in sorted(found)]


def python_files(distributions: Iterable[Distribution]) -> dict[str, Path]:
    """Files by their path in the container: interpreter, standard library, the packages without their tests."""
    files = {f"{PYTHON}/bin/{VERSION}": interpreter()}
    library = Path(sysconfig.get_path("stdlib"))
    for folder, _, names in os.walk(library):
        for name in names:
            file = Path(folder, name)
            inside = file.relative_to(library).as_posix()
            if not _LEFT_OUT.search(f"/{inside}") and file.exists():
                files[f"{PYTHON}/lib/{VERSION}/{inside}"] = file
    for package in distributions:
        for path in package.files or ():
            file = Path(str(package.locate_file(path)))
            if ".." not in path.parts and "tests" not in path.parts and file.is_file():
                files[f"{PACKAGES}/{path}"] = file
                # Compiled modules are in no list of files, and a read-only container could not make them.
                compiled = Path("__pycache__", f"{file.stem}.{sys.implementation.cache_tag}.pyc")
                if file.suffix == ".py" and (file.parent / compiled).is_file():
                    files[f"{PACKAGES}/{path.parent / compiled}"] = file.parent / compiled
    return files


def shared_libraries(files: dict[str, Path]) -> dict[str, Path]:
    """What the programs and modules among `files` load besides each other, by its path in the container.

    A package's own libraries (in `<package>.libs`) come with the package. What the interpreter's prefix
    has goes beside the interpreter; the rest is the system's and goes where the system has it.
    """
    loading = [file for name, file in files.items() if _loads(name)]
    listed = subprocess.run(["ldd", *map(str, loading)], capture_output=True, text=True, check=False).stdout
    found = {Path(place) for place in re.findall(r"(/\S+) \(0x", listed)}
    packages = Path(sysconfig.get_path("platlib"))
    prefix = interpreter().parents[1]
    libraries = {}
    for library in sorted(found):
        if library.is_relative_to(packages):
            continue
        ours = prefix != Path("/usr") and library.is_relative_to(prefix)
        libraries[f"{PYTHON}/lib/{library.name}" if ours else library.as_posix().lstrip("/")] = library
    return libraries


def _loads(name: str) -> bool:
    if name.startswith(PACKAGES):
        return ".so" in Path(name).suffixes and ".libs/" not in name
    return name.endswith(".so") or "/bin/" in f"/{name}"
