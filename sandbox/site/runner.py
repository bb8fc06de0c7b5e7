"""Keeps one service running: starts it when its needs are ready, checks it, starts it again when it died."""

from __future__ import annotations

import logging
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from sandbox.site.processes import MARK, SERVICE_MARK, end_all, find_process
from sandbox.site.service import NotAvailable, Service, Unhealthy, base_environment
from sandbox.site.status import ServiceStatus, State

log = logging.getLogger("sandbox.site")

#: Seconds between two looks at a service: while it starts, and whether its process lives.
GLANCE = 0.1
#: Seconds between two questions to a ready service, and how many unanswered ones are too many.
CHECK_EVERY = 5.0
CHECKS_FAILED = 6
#: A service that dies again and again is started at growing distances.
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0
#: Ready for so long, it counts as recovered.
RECOVERED_AFTER = 30.0


class Runner(threading.Thread):
    """The life of one service. `status` is replaced, never changed, so that others read it without a lock."""

    def __init__(
        self, service: Service, find_status: Callable[[str], ServiceStatus | None], changed: Callable[[], None]
    ) -> None:
        super().__init__(name=service.name, daemon=True)
        self.service = service
        self.status = ServiceStatus()
        self._find_status = find_status
        self._changed = changed
        self._stopping = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._failed_starts = 0
        self._was_ready = False

    def request_stop(self) -> None:
        """Ask the service to stop and not to be started again; `join` waits for it."""
        self._stopping.set()

    def run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._one_life()
        except Exception:
            # A defect here must not look like a service that is fine.
            log.exception("%s: the supervisor's own code failed", self.service.name)
            self._set(State.FAILED, "the supervisor's own code failed: see the log 'supervisor'")
        finally:
            self._end_child()
            self._end_leftovers()
            self._set(State.STOPPED)

    def _one_life(self) -> None:
        """From waiting for its needs to the end of its process."""
        if self._is_held():
            self._hold()
            return
        if not self._needs_are_ready():
            return
        self._set(State.RESTARTING if self.status.restarts else State.STARTING)
        self._end_leftovers()
        try:
            self.service.prepare()
        except NotAvailable as reason:
            self._set(State.ABSENT, str(reason))
            self._wait_for_a_wish()
            return
        self._start()
        if self.service.runs_once:
            self._wait_for_end()
        elif self._wait_until_healthy():
            self._watch()

    def _needs_are_ready(self) -> bool:
        for name in (*self.service.needs, *self.service.after):
            other = self._find_status(name)
            if other is None or other.state in (State.READY, State.DONE):
                continue
            given_up = other.state in (State.FAILED, State.ABSENT)
            if given_up and name in self.service.after:
                continue
            if given_up:
                if other.state is State.ABSENT and self.service.optional:
                    self._set(State.ABSENT, f"needs {name}, which is absent")
                else:
                    self._set(State.FAILED, f"needs {name}, which is {other.state}: {other.detail}")
            elif self.status.state is not State.WAITING:
                self._set(State.WAITING, f"for {name}")
            self._stopping.wait(0.5 if given_up else GLANCE)
            return False
        return True

    def _needs_answer(self) -> bool:
        statuses = [self._find_status(name) for name in self.service.needs]
        return all(status is not None and status.state in (State.READY, State.DONE) for status in statuses)

    def _start(self) -> None:
        environment = {
            **base_environment(),
            **self.service.environment(),
            MARK: str(self.service.home.root),
            SERVICE_MARK: self.service.name,
        }
        with self.service.home.log(self.service.name).open("ab") as output:
            output.write(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} {self.service.name} starts ---\n".encode())
            output.flush()
            self._child = subprocess.Popen(
                self.service.command(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.service.home.root,
                env=environment,
                start_new_session=True,
            )
        self.status = replace(self.status, process=find_process(self._child.pid))
        self._changed()

    def _wait_until_healthy(self) -> bool:
        began = time.monotonic()
        reason = ""
        while time.monotonic() - began < self.service.start_seconds:
            if self._stopping.is_set() or self._is_held():
                return False
            if self._has_ended():
                self._failed("ended while it started")
                return False
            try:
                self.service.check()
            except Unhealthy as problem:
                reason = str(problem)
                self._stopping.wait(GLANCE)
                continue
            seconds = time.monotonic() - began
            self.status = replace(self.status, seconds_to_ready=round(seconds, 1))
            self._was_ready = True
            self._set(State.READY)
            return True
        self._end_child()
        self._failed(f"not ready after {self.service.start_seconds:.0f} s: {reason}")
        return False

    def _wait_for_end(self) -> None:
        """For a service that runs once: wait for its exit status; it is tried again when it failed."""
        assert self._child is not None
        began = time.monotonic()
        while not self._has_ended():
            if time.monotonic() - began > self.service.start_seconds:
                self._end_child()
                self._failed(f"not finished after {self.service.start_seconds:.0f} s")
                return
            if self._stopping.wait(GLANCE):
                return
        if self._child.returncode:
            self._failed(f"ended with status {self._child.returncode}")
            return
        self.status = replace(self.status, process=None, seconds_to_ready=round(time.monotonic() - began, 1))
        self._set(State.DONE)
        self._wait_for_a_wish()

    def _watch(self) -> None:
        """While it is ready: notice its death at once, its silence after a while."""
        ready_since = last_check = time.monotonic()
        silent = 0
        while not self._stopping.wait(GLANCE):
            if self._is_held():
                return
            if self._has_ended():
                self._failed("its process died")
                return
            now = time.monotonic()
            if now - ready_since > RECOVERED_AFTER and self._failed_starts:
                self._failed_starts = 0
                self.status = replace(self.status, deaths=0)
                self._changed()
            if now - last_check < CHECK_EVERY:
                continue
            last_check = now
            if not self._needs_answer():
                silent = 0  # a worker says it is not well while Prefect is away; that is not the worker's fault
                continue
            try:
                self.service.check()
                silent = 0
            except Unhealthy as problem:
                silent += 1
                log.warning("%s does not answer (%d of %d): %s", self.service.name, silent, CHECKS_FAILED, problem)
                if silent >= CHECKS_FAILED:
                    self._end_child()
                    self._failed(f"its process lives but does not answer: {problem}")
                    return

    def _failed(self, reason: str) -> None:
        """Count the failure, then wait before the next start; one that was never ready is given up in the end.

        A service that was ready once is started again for ever: what killed it can stop, and a site whose OMERO was
        killed five times in a minute used to stay without one. Whoever waits for the site is told (`Site.start`).
        """
        code = self._child.returncode if self._child else None
        detail = reason if code is None else f"{reason} ({describe_exit(code)})"
        log.warning("%s: %s", self.service.name, detail)
        self._child = None
        self._failed_starts += 1
        self.status = replace(self.status, process=None, restarts=self.status.restarts + 1, deaths=self._failed_starts)
        if self._failed_starts >= self.service.starts_allowed and not self._was_ready:
            given_up = State.ABSENT if self.service.optional else State.FAILED
            self._set(given_up, f"{detail}; given up after {self._failed_starts} starts, see its log")
            self._wait_for_a_wish()
            return
        self._set(State.RESTARTING, detail)
        self._stopping.wait(min(FIRST_PAUSE * 3 ** (self._failed_starts - 1), LONGEST_PAUSE))

    def _wait_for_a_wish(self) -> None:
        """Nothing to do until somebody holds and releases the service (`Site.restart`) or the site stops."""
        while not self._stopping.wait(GLANCE) and not self._is_held():
            continue

    def _hold(self) -> None:
        self._end_child()
        self._failed_starts = 0
        self.status = replace(self.status, deaths=0)
        self._set(State.HELD, "held down on request")
        while self._is_held() and not self._stopping.wait(GLANCE):
            continue

    def _is_held(self) -> bool:
        return self.service.home.held(self.service.name).exists()

    def _has_ended(self) -> bool:
        return self._child is None or self._child.poll() is not None

    def _end_child(self) -> None:
        """Ask the process to stop, then kill it."""
        child = self._child
        if child is None:
            return
        if child.poll() is None:
            child.send_signal(self.service.stop_signal)
            try:
                child.wait(self.service.stop_seconds)
            except subprocess.TimeoutExpired:
                log.warning("%s did not stop in %.0f s: killed", self.service.name, self.service.stop_seconds)
                child.kill()
                child.wait()
        self._child = None

    def _end_leftovers(self) -> None:
        if not self.service.children_outlive or self._stopping.is_set():
            end_all(self.service.home.root, self.service.name, grace=2.0)
        self.service.clean_up()

    def _set(self, state: State, detail: str = "") -> None:
        process = self.status.process if self._child is not None else None
        self.status = replace(self.status, state=state, detail=detail, process=process, since=time.time())
        self._changed()


def describe_exit(code: int) -> str:
    """An exit status in words: `signal SIGKILL` or `exit status 3`."""
    if code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit status {code}"
