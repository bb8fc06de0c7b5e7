"""A job that runs: its processes, its time limit, and how it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

from sandbox.site.processes import find_carrying, send, wait_until_ended
from sandbox.slurm_commands.job_store import NODE, Ending, Job

#: Carried by every process of a job, and by what they start: also by those that left the job's session.
JOB_MARK = "OMERO_FLOWS_LOCAL_JOB"
#: Seconds between SIGTERM and SIGKILL (Slurm's KillWait; its default is 30).
KILL_WAIT = 10.0


class RunningJob:
    """One job's processes, children of this one in a session of their own."""

    def __init__(
        self, job: Job, script: bytes, environment: dict[str, str], output: str, *, append: bool, spool: Path
    ) -> None:
        """Start it.

        Raises:
            OSError: its folder or its log is not there to be used.
        """
        self.job = job
        self._mark = f"{JOB_MARK}={spool}:{job.id}"
        self._began = time.monotonic()
        self._kill_at: float | None = None
        self._why: str | None = None
        self._script = spool / f"job-{job.id}"
        self._script.write_bytes(script)
        self._script.chmod(0o700)
        log = Path(job.folder) / expand(output, job)
        flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if append else os.O_TRUNC)
        descriptor = os.open(log, flags, 0o644)
        try:
            self._process = subprocess.Popen(
                [self._script],
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                cwd=job.folder,
                env={**environment, **slurm_environment(job), JOB_MARK: f"{spool}:{job.id}"},
                start_new_session=True,
            )
        finally:
            os.close(descriptor)

    @property
    def is_being_ended(self) -> bool:
        return self._why is not None

    def end(self, why: str) -> None:
        """Ask all its processes to end; what lives after `KILL_WAIT` is killed. `why` is the state it will have."""
        if self._why is None:
            self._why = why
            self._kill_at = time.monotonic() + KILL_WAIT
            self._send(signal.SIGTERM)

    def look(self) -> Ending | None:
        """How it ended; None while it has not. Of a job that has ended no process is left."""
        minutes = self.job.minutes
        if minutes is not None and time.monotonic() - self._began > minutes * 60:
            self.end("TIMEOUT")
        if self._kill_at is not None and time.monotonic() > self._kill_at:
            self._send(signal.SIGKILL)
        # wait4 tells what the script and all that it waited for have used, which Popen.poll does not.
        pid, status, usage = os.wait4(self._process.pid, os.WNOHANG)
        if pid == 0:
            return None
        code = os.waitstatus_to_exitcode(status)
        self._process.returncode = code
        self._send(signal.SIGKILL)
        self._script.unlink(missing_ok=True)
        return Ending(
            state=self._why or ("COMPLETED" if code == 0 else "FAILED"),
            exit_code=max(code, 0),
            signal=max(-code, 0),
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            max_rss=usage.ru_maxrss * 1024,
        )

    def _send(self, number: signal.Signals) -> None:
        """To every process of the job. SIGKILL is repeated: a killed process may just have started another."""
        for _ in range(20):
            found = find_carrying(self._mark)
            for process in found:
                send(process, number)
            if not found or number is not signal.SIGKILL:
                return
            wait_until_ended(found, 1.0)


def slurm_environment(job: Job) -> dict[str, str]:
    """What Slurm tells a job of itself (sbatch(1), "OUTPUT ENVIRONMENT VARIABLES")."""
    array = {} if job.task is None else {"SLURM_ARRAY_JOB_ID": str(job.number), "SLURM_ARRAY_TASK_ID": str(job.task)}
    return {
        **array,
        "SLURM_JOB_ID": str(job.id),
        "SLURM_JOB_NAME": job.name,
        "SLURM_JOB_NODELIST": NODE,
        "SLURMD_NODENAME": NODE,
        "SLURM_CPUS_PER_TASK": str(job.cpus),
        "SLURM_MEM_PER_NODE": str(job.memory_mb),
        "SLURM_SUBMIT_DIR": job.folder,
        "SLURM_JOB_START_TIME": str(int(time.time())),
    }


def expand(output: str, job: Job) -> str:
    """A log's name: `%j` the task's own number, `%A` the array's, `%a` the task, `%x` the job's name."""
    values = {"j": str(job.id), "A": str(job.number), "a": str(job.task or 0), "x": job.name, "N": NODE, "%": "%"}
    return re.sub(r"%([jAaxN%])", lambda code: values[code[1]], output)
