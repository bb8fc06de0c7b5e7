"""Build the wheel of zeroc-ice 3.6.5 that omero-py needs, once, into a cache outside the checkout.

PyPI has zeroc-ice 3.6.5 only as an sdist, written for Python up to 3.7. Two of its lines no longer
compile on 3.11, two more use a module that 3.12 no longer has; `LINES_CHANGED` is all that differs
from the published source.

    python sandbox/install/zeroc_ice.py --into ~/.cache/omero-flows/wheels

prints the wheel's path on its last line. Only the standard library is used, because this runs
before anything is installed; setuptools and wheel must be importable by the interpreter.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VERSION = "3.6.5"
SDIST_SHA256 = "4235ffeb605bcd4e22e716577f7d61e4aa1bc82f65276bb542701a81b7933356"

#: (file, what the sdist has, what compiles). eval.h left CPython in 3.11 and nothing of it is used;
#: PyThreadState lost its public `frame` in 3.11 and PyEval_GetFrame() is the supported way to it;
#: the module imp left in 3.12, and types.ModuleType is what its new_module() made.
LINES_CHANGED = (
    ("src/Slice.cpp", "#include <eval.h>\n", ""),
    ("src/Util.cpp", "PyThreadState_GET()->frame", "PyEval_GetFrame()"),
    ("lib/Ice.py", "import sys, string, imp, os, threading,", "import sys, string, types, os, threading,"),
    ("lib/Ice.py", "imp.new_module(curr)", "types.ModuleType(curr)"),
)

#: Runs inside the unpacked sdist. setuptools compiles one extension's files one after another
#: (6.5 minutes here); this compiles them on every core and says how far it is.
PARALLEL_BUILD = r"""
import concurrent.futures, os, sys, threading, time
import setuptools
from distutils.ccompiler import CCompiler  # setuptools' own copy, whatever its version calls it

def compile(self, sources, output_dir=None, macros=None, include_dirs=None, debug=0,
            extra_preargs=None, extra_postargs=None, depends=None):
    macros, objects, extra, pp, build = self._setup_compile(
        output_dir, macros, include_dirs, sources, depends, extra_postargs)
    arguments = self._get_cc_args(pp, debug, extra_preargs)
    done, began, lock = 0, time.time(), threading.Lock()
    def one(target):
        nonlocal done
        source, extension = build[target]
        self._compile(target, source, extension, arguments, extra, pp)
        with lock:
            done += 1
            if done % 20 == 0 or done == len(objects):
                print(f"zeroc-ice: {done} of {len(objects)} files compiled, {time.time() - began:.0f} s",
                      file=sys.stderr, flush=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(one, objects))
    return objects

CCompiler.compile = compile
sys.argv = ["setup.py", "-q", "bdist_wheel"]
exec(builtins_compile(open("setup.py").read(), "setup.py", "exec"))
"""


class BuildFailed(Exception):
    """The wheel could not be made; the message says at which step and what to do."""


def say(text: str) -> None:
    print(f"zeroc-ice: {text}", file=sys.stderr, flush=True)


def wheel_name() -> str:
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    return f"zeroc_ice-{VERSION}-{tag}-{tag}-linux_{os.uname().machine}.whl"


def fetch_sdist(into: Path) -> Path:
    """Download the sdist from PyPI and check its SHA-256."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--no-binary=:all:",
        "--no-build-isolation",
        f"zeroc-ice=={VERSION}",
        "-d",
        str(into),
    ]
    if subprocess.run(command, stdout=sys.stderr).returncode:
        raise BuildFailed("the sdist could not be downloaded from PyPI: check the network, then run this again")
    sdist = next(into.glob("zeroc*ice-*.tar.gz"))
    digest = hashlib.sha256(sdist.read_bytes()).hexdigest()
    if digest != SDIST_SHA256:
        raise BuildFailed(f"the sdist's SHA-256 is {digest}, expected {SDIST_SHA256}: do not trust this download")
    return sdist


def change_lines(source: Path) -> None:
    for name, before, after in LINES_CHANGED:
        file = source / name
        text = file.read_text(encoding="latin-1")
        if text.count(before) != 1:
            raise BuildFailed(f"{name} does not hold the line {before.strip()!r} exactly once")
        file.write_text(text.replace(before, after), encoding="latin-1")
    # Debug symbols and -O3 cost four of the six minutes and no measurable speed of the client.
    setup = source / "setup.py"
    text = setup.read_text()
    text = re.sub(r"extra_compile_args\.append\('-w'\)", "extra_compile_args.extend(['-w', '-O1', '-g0'])", text)
    text = text.replace("if platform is not 'freebsd'", "if platform != 'freebsd'")
    setup.write_text(text)


def build(into: Path) -> Path:
    """Return the cached wheel, building it first if it is not there.

    Safe under two callers at once (a lock file) and under kill -9 (the wheel appears by rename).

    Raises:
        BuildFailed: no network, a wrong checksum, or a compiler error.
    """
    into.mkdir(parents=True, exist_ok=True)
    wheel = into / wheel_name()
    with open(into / ".zeroc-ice.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if wheel.exists():
            return wheel
        say(f"building {wheel.name} on {os.cpu_count()} cores; about 2 minutes, once per machine")
        with tempfile.TemporaryDirectory(prefix="zeroc-ice-") as folder:
            work = Path(folder)
            with tarfile.open(fetch_sdist(work)) as archive:
                archive.extractall(work)  # its checksum is ours; Debian 12's Python 3.11.2 has no filter= yet
            source = work / f"zeroc-ice-{VERSION}"
            change_lines(source)
            script = PARALLEL_BUILD.replace("builtins_compile", "__import__('builtins').compile")
            if subprocess.run(
                [sys.executable, "-W", "ignore", "-c", script], cwd=source, stdout=subprocess.DEVNULL
            ).returncode:
                raise BuildFailed(
                    "the compiler failed; its message is above. Needed: g++, libssl-dev, libbz2-dev, "
                    f"python{sys.version_info.major}.{sys.version_info.minor}-dev"
                )
            built = next((source / "dist").glob("*.whl"))
            partial = wheel.with_suffix(".partial")
            shutil.copyfile(built, partial)
            partial.rename(wheel)
    say("built")
    return wheel


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--into", type=Path, required=True, help="folder of the wheel cache")
    try:
        print(build(parser.parse_args().into.expanduser()))
    except BuildFailed as error:
        say(f"failed: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
