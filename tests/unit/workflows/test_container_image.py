"""What a workflow's container is made of."""

from __future__ import annotations

import ast
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from sandbox.workflows.__main__ import NUCLEI, place
from sandbox.workflows.container_image import NotBuilt, build, fingerprint, program_files
from sandbox.workflows.python_files import PACKAGES, PYTHON, VERSION, find_distributions, python_files


def test_the_program_imports_only_what_the_container_has() -> None:
    files = program_files(NUCLEI)
    ours = {name.removeprefix("app/").removesuffix(".py").replace("/", ".") for name in files}
    brought = {"scikit-image": "skimage"}
    allowed = {brought.get(package, package) for package in NUCLEI.packages} | sys.stdlib_module_names
    for file in files.values():
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                assert name in ours or name.partition(".")[0] in allowed, f"{file} imports {name}"


def test_the_program_is_in_its_packages() -> None:
    assert {"app/sandbox/__init__.py", "app/sandbox/workflows/__init__.py"} < set(program_files(NUCLEI))
    assert "app/sandbox/workflows/nuclei/__main__.py" in program_files(NUCLEI)


def test_a_package_comes_with_all_it_requires_and_without_extras() -> None:
    names = {package.name for package in find_distributions(["scikit-image"])}
    assert {"scikit-image", "numpy", "scipy", "tifffile", "networkx"} <= names
    assert "pytest" not in names
    with pytest.raises(PackageNotFoundError):
        find_distributions(["no-such-package"])


def test_interpreter_library_and_packages_are_there_without_tests() -> None:
    files = python_files(find_distributions(["numpy"]))
    assert {
        f"{PYTHON}/bin/{VERSION}",
        f"{PYTHON}/lib/{VERSION}/os.py",
        f"{PYTHON}/lib/{VERSION}/encodings/utf_8.py",
        f"{PACKAGES}/numpy/__init__.py",
        f"{PACKAGES}/numpy/__pycache__/__init__.{sys.implementation.cache_tag}.pyc",
    } <= set(files)
    assert all(file.is_file() for file in files.values())
    unwanted = [name for name in files if "/tests/" in name or "/site-packages/" in name or "_tkinter" in name]
    assert unwanted == []


def test_another_version_or_another_program_is_another_image() -> None:
    known = fingerprint(NUCLEI)
    assert known == fingerprint(NUCLEI)
    assert known != fingerprint(replace(NUCLEI, version="v2"))
    assert known != fingerprint(replace(NUCLEI, packages=("numpy",)))
    assert known != fingerprint(replace(NUCLEI, module="sandbox.workflows"))


@pytest.mark.parametrize("ending", ["exit 3", "cat > /dev/null; echo disk full >&2; exit 3"])
def test_an_image_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    program = tmp_path / "mksquashfs"
    program.write_text(f"#!/bin/sh\n{ending}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(NotBuilt, match="status 3"):
        build(replace(NUCLEI, packages=("packaging",)), tmp_path / "image")


def test_an_image_is_put_in_its_place_whole(tmp_path: Path) -> None:
    image, destination = tmp_path / "image", tmp_path / "registry.sqfs"
    for content in (b"first", b"second"):
        image.unlink(missing_ok=True)
        image.write_bytes(content)
        place(image, destination)
        assert destination.read_bytes() == content
    assert sorted(file.name for file in tmp_path.iterdir()) == ["image", "registry.sqfs"]
