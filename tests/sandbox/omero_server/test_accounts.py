"""The accounts file, and the command that reads one for a server that is not running."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.omero.accounts import AccountError, Accounts
from sandbox.omero.permissions import format_permissions
from sandbox.omero.server import EmbeddedOmero
from sandbox.omero.store import Store
from tests.sandbox.omero_server.conftest import find_free_port

FILE: dict[str, Any] = {
    "groups": [{"name": "lab-a", "permissions": "rwra--"}, {"name": "lab-b", "permissions": "rw----"}],
    "users": [
        {"name": "alice", "password": "one", "first_name": "Alice", "last_name": "A", "groups": ["lab-b", "lab-a"]},
        {"name": "importer", "password": "two", "groups": ["lab-a"], "admin": True},
        {"name": "root", "password": "three"},
    ],
}  # fmt: skip


@pytest.fixture
def accounts() -> Accounts:
    made = Accounts(Store(None))
    made.create_system_accounts("omero")
    return made


def write(folder: Path, content: Any) -> Path:
    path = folder / "accounts.json"
    path.write_text(json.dumps(content))
    return path


def test_groups_users_and_passwords_are_made(accounts: Accounts, tmp_path: Path) -> None:
    accounts.load(write(tmp_path, FILE))
    alice, group = accounts.user("alice"), accounts.group("lab-a")
    assert alice is not None
    assert group is not None
    assert format_permissions(group.permissions or 0) == "rwra--"
    assert accounts.default_group(alice).values["name"] == "lab-b"
    assert accounts.authenticate("alice", "one") is alice
    assert accounts.authenticate("alice", "two") is None
    importer = accounts.user("importer")
    assert importer is not None
    assert accounts.is_admin(importer)
    assert "Sudo" in accounts.privileges(importer)
    assert not accounts.is_admin(alice)
    assert accounts.authenticate("root", "three") is not None
    assert accounts.authenticate("root", "omero") is None


def test_reading_the_file_again_changes_nothing(accounts: Accounts, tmp_path: Path) -> None:
    path = write(tmp_path, FILE)
    accounts.load(path)
    alice = accounts.user("alice")
    assert alice is not None
    before = accounts.group_ids(alice)
    accounts.load(path)
    assert accounts.user("alice") is alice
    assert accounts.group_ids(alice) == before


@pytest.mark.parametrize("content", [
    {"users": [{"name": "x", "password": "y", "groups": ["nowhere"]}]},
    {"groups": [{"name": "g", "permissions": "everything"}]},
    {"people": []},
    [],
])  # fmt: skip
def test_a_file_that_is_not_right_makes_nothing(content: Any, accounts: Accounts, tmp_path: Path) -> None:
    with pytest.raises(AccountError):
        accounts.load(write(tmp_path, content))
    assert accounts.user("x") is None
    assert accounts.group("g") is None


def test_a_user_without_a_password_cannot_log_in(accounts: Accounts) -> None:
    accounts.create_user("nopassword", "", "N", "P", [])
    assert accounts.authenticate("nopassword", "") is None


def test_the_command_makes_accounts_in_a_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    server = EmbeddedOmero(home, tcp_port=find_free_port())
    server.stop()
    command = [sys.executable, "-W", "ignore", "-m", "sandbox.omero", "accounts", "--home", str(home), "--file"]
    subprocess.run([*command, str(write(tmp_path, FILE))], check=True)
    store = Store(home / "omero.sqlite")
    assert Accounts(store).authenticate("alice", "one") is not None
    store.close()
    bad = subprocess.run([*command, str(write(tmp_path, []))], capture_output=True, text=True, check=False)
    assert bad.returncode == 1
    assert "accounts.json" in bad.stderr
