"""The house's arrows run one way; this reads every import of every module and checks them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[2]

#: Each room, and the rooms whose code it may import.
ARROWS: dict[str, set[str]] = {
    "contracts": set(),
    "converters": {"contracts"},
    "blocks": {"contracts"},
    "tasks": {"blocks", "contracts", "converters"},
    "flows": {"tasks", "blocks", "contracts"},
    "deployments": {"flows", "tasks", "blocks", "contracts"},
    "cli": {"deployments", "flows", "tasks", "blocks", "contracts"},
    "omero_ui": {"contracts"},
    "sandbox": {"converters", "contracts"},
    "benchmarks": {"sandbox", "cli", "deployments", "flows", "tasks", "blocks", "converters", "contracts"},
}
#: The demo is the one part of the product that starts a sandbox.
DEMO = {"cli/demo.py", "cli/sandbox.py"}


def modules() -> list[Path]:
    return sorted(file for room in ARROWS for file in (HOUSE / room).rglob("*.py"))


def imported_rooms(module: Path) -> set[tuple[str, int]]:
    """(room, line) of every import of ours in a module, wherever in it the import stands."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {
            "import_module",
            "importlib.import_module",
            "__import__",
        }:
            names = [argument.value for argument in node.args[:1] if isinstance(argument, ast.Constant)]
        found |= {(name.split(".")[0], node.lineno) for name in names if name.split(".")[0] in ARROWS}
    return found


def test_every_room_is_there() -> None:
    assert {module.relative_to(HOUSE).parts[0] for module in modules()} >= {
        "contracts",
        "blocks",
        "tasks",
        "flows",
        "converters",
        "cli",
    }


@pytest.mark.parametrize("module", modules(), ids=lambda module: str(module.relative_to(HOUSE)))
def test_arrows_run_one_way(module: Path) -> None:
    place = module.relative_to(HOUSE)
    room = place.parts[0]
    allowed = ARROWS[room] | {room} | ({"sandbox"} if str(place) in DEMO else set())
    wrong = sorted(
        f"{place}:{line} imports {target}" for target, line in imported_rooms(module) if target not in allowed
    )
    assert not wrong, wrong
