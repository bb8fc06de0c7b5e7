"""Run an embedded OMERO in the foreground, or make accounts in one that is not running.

python -m sandbox.omero --home DIR --ssl-port 4064 --tcp-port 4063 --accounts accounts.json
python -m sandbox.omero accounts --home DIR --file accounts.json
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path

from sandbox.omero.accounts import AccountError, Accounts
from sandbox.omero.server import EmbeddedOmero
from sandbox.omero.store import Store

#: Where SIGUSR1 writes the counts of calls, refusals and queries, below the home.
STATUS_FILE = "status.json"


class _Formatter(logging.Formatter):
    """Times with their time zone, because logs of several machines are read side by side."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        moment = time.localtime(record.created)
        return time.strftime("%Y-%m-%d %H:%M:%S", moment) + f".{int(record.msecs):03d}" + time.strftime("%z", moment)


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 0 after SIGTERM or SIGINT, 1 where the server cannot start."""
    words = sys.argv[1:] if arguments is None else arguments
    _log_to_stdout()
    if words[:1] == ["accounts"]:
        return _make_accounts(words[1:])
    options = _parser().parse_args(words)
    try:
        server = EmbeddedOmero(
            options.home,
            host=options.host,
            ssl_port=options.ssl_port,
            tcp_port=options.tcp_port,
            web_host=options.web_host,
        )
        if options.accounts is not None:
            server.accounts.load(options.accounts)
        server.start()
    except Exception as error:
        logging.getLogger("sandbox.omero").exception("cannot start: %s", error)
        return 1
    return _serve(server)


def _serve(server: EmbeddedOmero) -> int:
    stop = threading.Event()
    write_status = threading.Event()

    def ask_to_stop(number: int, frame: object) -> None:
        stop.set()
        write_status.set()

    def ask_for_status(number: int, frame: object) -> None:
        write_status.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    signal.signal(signal.SIGUSR1, ask_for_status)
    print(f"READY {' '.join(server.addresses)} pid {os.getpid()}", flush=True)
    while not stop.is_set():
        write_status.wait()
        write_status.clear()
        server.counts.write(server.home / STATUS_FILE)
    server.stop()
    return 0


def _make_accounts(words: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.omero accounts",
        description="Make accounts; the server of this home must not be running.",
    )
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--file", type=Path, required=True, help="accounts in JSON, as for --accounts")
    options = parser.parse_args(words)
    if not (options.home / "omero.sqlite").exists():
        print(f"{options.home} is no home of an embedded OMERO", file=sys.stderr)
        return 1
    store = Store(options.home / "omero.sqlite")
    try:
        Accounts(store).load(options.file)
    except AccountError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        store.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.omero",
        description="An embedded OMERO for trying and testing; never for data that matter.",
    )
    parser.add_argument("--home", type=Path, required=True, help="folder of the database and all files; made if absent")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--ssl-port", type=int, default=0, help="port for ssl; 0: not offered")
    parser.add_argument("--tcp-port", type=int, default=0, help="port for tcp, unencrypted; 0: not offered")
    parser.add_argument("--web-host", default="", help="OMERO.web's address, as clients are told it")
    parser.add_argument("--accounts", type=Path, help="JSON file of groups and users that shall exist")
    return parser


def _log_to_stdout() -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


if __name__ == "__main__":
    sys.exit(main())
