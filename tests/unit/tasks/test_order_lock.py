"""One process at a time: the lock waits, ends with its holder, and leaves no file."""

from __future__ import annotations

import logging
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from contracts.failures import FailureCategory, FailureError
from tasks.order_lock import hold

LOG = logging.getLogger("test")
HOLD = """
import logging, sys, time
from pathlib import Path
from tasks.order_lock import hold
with hold(Path(sys.argv[1]), stopped=lambda: False, log=logging.getLogger()):
    print("held", flush=True)
    time.sleep(600)
"""


def test_it_is_removed_when_it_is_let_go(tmp_path: Path) -> None:
    path = tmp_path / "orders" / "a.lock"
    with hold(path, stopped=lambda: False, log=LOG):
        assert path.exists()
    assert not path.exists()


def test_a_killed_holder_lets_go(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    waited = threading.Event()

    def kill_once_waited_for() -> bool:
        if not waited.is_set():
            waited.set()
            holder.send_signal(signal.SIGKILL)
        return False

    with hold(path, stopped=kill_once_waited_for, log=LOG, poll_seconds=0.05):
        assert waited.is_set()
    assert holder.wait() == -signal.SIGKILL
    assert str(holder.pid) in caplog.text
    holder.stdout.close()


def test_who_waits_can_be_told_to_stop(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with hold(path, stopped=lambda: False, log=LOG):
        second = hold(path, stopped=lambda: True, log=LOG)
        with pytest.raises(FailureError) as caught:
            second.__enter__()
    assert caught.value.failure.category is FailureCategory.CANCELLED


def test_many_threads_hold_it_one_after_another(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        with hold(path, stopped=lambda: False, log=LOG, poll_seconds=0.001):
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 8


def test_it_holds_where_nothing_can_be_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As on a full disk, where an import in place needs no space at all."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        with hold(tmp_path / "a.lock", stopped=lambda: False, log=LOG):
            assert (tmp_path / "a.lock").exists()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert "cannot say who holds it" in caplog.text
