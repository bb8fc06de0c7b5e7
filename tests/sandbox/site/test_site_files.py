"""What the site writes is what its readers read: OMERO's configuration, the flows' settings, process marks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

from omero.config import ConfigXml

from deployments.settings import load_settings, read_secret
from sandbox.omero.accounts import AccountsFile
from sandbox.site import addresses
from sandbox.site.accounts import accounts_file, make_passwords
from sandbox.site.home import Home
from sandbox.site.processes import MARK, SERVICE_MARK, end_all, find_marked, find_process, is_alive, wait_until_ended
from sandbox.site.settings_file import render, write_settings
from sandbox.site.web import configuration_xml


def test_omero_reads_the_configuration(tmp_path: Path) -> None:
    properties = {"omero.web.server_list": '[["127.0.0.1", 14064, "omero"]]', "omero.web.page_size": "<&\"'>"}
    file = tmp_path / "config.xml"
    file.write_text(configuration_xml(properties))
    configuration = ConfigXml(str(file), read_only=True)
    try:
        read = configuration.as_map()
    finally:
        configuration.close()
    assert properties.items() <= read.items()


def test_the_flows_read_the_settings(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "a home")
    home.make()
    known = addresses.prepare(home, database="sqlite", prefer_known_ports=False)
    socket = Path("/run/engine.sock")
    write_settings(home, known, container_socket=socket)
    settings = load_settings(home.settings_file)
    assert settings.containers is not None and settings.containers.socket == str(socket)
    assert settings.omero.password_file is not None
    assert read_secret(Path(settings.omero.password_file)) == known.passwords["importer"]
    assert all((home.storage / folder).is_dir() for folder in settings.storage.groups.values())

    write_settings(home, known, container_socket=None)
    assert load_settings(home.settings_file).containers is None


def test_toml_keeps_every_character() -> None:
    awkward = 'quote " backslash \\ newline \n tab \t umlaut ü hash # bracket ]'
    assert tomllib.loads(render({"": {"top": 1}, "table": {awkward: awkward}})) == {
        "top": 1,
        "table": {awkward: awkward},
    }


def test_the_embedded_omero_reads_the_accounts() -> None:
    passwords = make_passwords()
    file = AccountsFile.model_validate_json(accounts_file(passwords))
    assert {user.name: user.password for user in file.users} == passwords
    assert len(set(passwords.values())) == len(passwords)


def test_a_port_that_somebody_took_is_left_to_them(tmp_path: Path) -> None:
    import socket

    home = Home.at(tmp_path)
    home.make()
    first = addresses.prepare(home, database="sqlite", prefer_known_ports=False)
    with socket.socket() as other:
        other.bind(("127.0.0.1", first.ports["web"]))
        other.listen()
        second = addresses.prepare(home, database="sqlite", prefer_known_ports=False)
    assert second.ports["web"] != first.ports["web"]
    assert {name: port for name, port in second.ports.items() if name != "web"} == {
        name: port for name, port in first.ports.items() if name != "web"
    }
    assert second.passwords == first.passwords


def test_a_defunct_process_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = find_process(child.pid)
    assert process is not None and is_alive(process)
    child.kill()
    assert wait_until_ended([process], 10.0) == []
    os.kill(child.pid, 0)  # its entry is there until it is reaped: this is what a naive check believes
    child.wait()


def test_only_marked_processes_are_ended(tmp_path: Path) -> None:
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('', flush=True); time.sleep(60)"
    )

    def start(home: str, service: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, MARK: home, SERVICE_MARK: service}
        child = subprocess.Popen([sys.executable, "-c", stubborn], env=environment, stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        return child

    home = str(tmp_path)
    web, worker, neighbour = start(home, "web"), start(home, "worker"), start(home + "-2", "web")
    try:
        assert [process.pid for process in find_marked(tmp_path, "web")] == [web.pid]
        assert end_all(tmp_path, "web", grace=0.2) == 1
        assert web.wait(5) == -signal.SIGKILL
        assert worker.poll() is None
        assert end_all(tmp_path, grace=0.2) == 1
        assert neighbour.poll() is None, "a folder whose name begins the same is another site"
    finally:
        for child in (web, worker, neighbour):
            child.kill()
            child.wait()
