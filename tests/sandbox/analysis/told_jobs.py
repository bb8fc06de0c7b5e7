"""A workflow whose jobs do what a run tells them, on a cluster whose admin is the test.

The run's parameter `story` is a script that finds the task's folders in its environment, as in tests/cluster. All else
is as in production: the settings are deployed, the run is planned, staged, submitted, watched, judged and reported.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import State

from contracts.analysis_report import AnalysisReport
from contracts.analysis_run import AnalysisRun
from contracts.waiting_job import JobStanding
from sandbox.cluster.machine import Machine
from sandbox.site import Site
from tests.chaos.tiny_images import write_images
from tests.chaos.waiting import wait_for
from tests.cluster.login import RUN_AS_SCRIPT
from tests.sandbox.analysis.conftest import GROUP, RunDesk

#: Images, and so tasks of a run that takes them one by one.
MOST_TASKS = 6
#: The "container image": a script that does what `--story` says.
_IMAGE = """\
for word; do case $word in --story=*) story=${word#--story=} ;; esac; done
eval "$story"
"""
_DESCRIPTOR = {
    "name": "Told",
    "description": "Does what it is told.",
    "schema-version": "cytomine-0.1",
    "container-image": {"image": "omero-flows/told", "type": "singularity"},
    "command-line": "told STORY",
    "inputs": [
        {
            "id": "story",
            "value-key": "@ID",
            "command-line-flag": "--@id",
            "name": "Story",
            "type": "String",
            "set-by-server": False,
        }
    ],
}

#: Arrays in stories: each task does its own.
TASK = "${SLURM_ARRAY_TASK_ID:-0}"
#: A result, for stories that end well.
RESULT = 'printf "label,area\\n1,5\\n" > "$OUT/cells.csv"'
#: Waits until the test lets it go on.
UNTIL_GO = 'echo begun; until [ -e "$GT/../../go" ]; do sleep 0.2; done'
FOR_EVER = "echo begun; sleep 900"
#: Its second start ends well, its first one never.
SECOND_START = f'echo begun; [ "${{SLURM_RESTART_COUNT:-0}}" = 1 ] || sleep 900; {RESULT}'


@dataclass(frozen=True)
class Ended:
    """A run that has ended: its state in Prefect and its report."""

    run: AnalysisRun
    state: State[Any]
    report: AnalysisReport


class ToldRun:
    """A run that was placed, and its job."""

    def __init__(self, desk: RunDesk, run: AnalysisRun) -> None:
        self.desk = desk
        self.run = run
        self.machine = Machine(desk.site.home)
        self.flow_run = desk.place(run)
        self._job: int | None = None

    @property
    def folder(self) -> Path:
        """The run's folder on the cluster, as this host sees it."""
        return self.machine.scratch / str(self.run.uuid)

    def job(self) -> int:
        """The number of the run's job, once Slurm has it."""
        if self._job is None:
            attempt = self.folder / "attempt-1"
            wait_for("sbatch to be done", (attempt / "submit.code").exists, seconds=600, explain=self._explain)
            self._job = int((attempt / "submit.out").read_text("ascii"))
        return self._job

    def shown(self, task: int | None = None) -> dict[str, str]:
        """What slurmctld says of the job, or of a task of it: `JobState`, `Reason`, `MailUser`, ..."""
        number = f"{self.job()}" if task is None else f"{self.job()}_{task}"
        asked = self.machine.ask("scontrol", "--oneliner", "show", "job", number)
        return dict(re.findall(r"(\w+)=(\S*)", asked.stdout))

    def change(self, *words: str) -> None:
        """`scontrol update` by the admin."""
        said = self.machine.ask("scontrol", "update", f"jobid={self.job()}", *words)
        assert said.returncode == 0, said.stderr

    def hurry(self) -> None:
        """Slurm lets a job that is queued again wait for some seconds; if it has begun meanwhile, all the better."""
        self.machine.ask("scontrol", "update", f"jobid={self.job()}", "StartTime=now")

    def wait_until_begun(self, task: int = 0) -> None:
        """Until the story of a task has printed that it began."""
        self.job()
        log = self.folder / "attempt-1" / f"{task}.log"
        wait_for("the story to begin", lambda: log.exists() and "\nbegun\n" in log.read_text("utf-8"))

    def go(self) -> None:
        (self.folder / "go").touch()

    def wait_for_standing(self, what: str) -> JobStanding:
        """Until the watcher has told of the run what `what` says."""
        found = wait_for(f"{what!r} to be told", lambda: (said := self.standing()) and what in said.summary and said)
        assert isinstance(found, JobStanding)
        return found

    def standing(self) -> JobStanding | None:
        return self.desk.standing(self.run)

    def _explain(self) -> str:
        return str(self.desk.state(self.flow_run))

    def wait_until_ended(self) -> Ended:
        state = self.desk.wait_for_state(self.flow_run, "Completed", "Failed", seconds=600)
        return Ended(self.run, state, self.desk.report(self.run))


class ToldCluster:
    """The site's cluster with the workflow `told`, changed as an admin does: by deploying other settings."""

    def __init__(self, desk: RunDesk, **settings: object) -> None:
        self.desk = desk
        self.site: Site = desk.site
        self.machine = Machine(desk.site.home)
        self._settings = settings
        self.images: tuple[int, ...] = ()

    def install(self) -> None:
        image = self.machine.containers / "told" / "told_v1.sqfs"
        image.parent.mkdir(exist_ok=True)
        image.write_text(_IMAGE)
        (self.site.home.root / "told.json").write_text(json.dumps(_DESCRIPTOR))
        folder = self.site.storage / GROUP / f"told-{uuid.uuid4().hex[:8]}"
        folder.mkdir()
        self.images = self.desk.import_files(f"Told {folder.name}", write_images(folder, MOST_TASKS))
        self.deploy()

    def deploy(self, **settings: object) -> None:
        """Deploy the site's settings with these changes, and let a new watcher begin."""
        text = self.site.home.settings_file.read_text("utf-8")
        chosen = {"container_command": RUN_AS_SCRIPT, **self._settings, **settings}
        for name in chosen:
            text = re.sub(rf'^"?{name}"? = .*\n', "", text, flags=re.MULTILINE)
        text = re.sub(r"\[cluster\.mounts\]\n(.+\n)*", "", text)  # inputs are to be sent, not linked
        lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in chosen.items())
        text = text.replace("[cluster]\n", f"[cluster]\n{lines}")
        for name, options in self._workflows().items():
            text += f"[workflows.{name}]\npath = {json.dumps(str(self.site.home.root / 'told.json'))}\n"
            text += f'image = "omero-flows/told:v1"\nfolder = "told"\n[workflows.{name}.sbatch]\n'
            text += "".join(f"{option} = {json.dumps(value)}\n" for option, value in options.items())
        changed = self.site.home.root / "told.toml"
        changed.write_text(text)
        self._deploy(changed)

    def restore(self) -> None:
        self._deploy(self.site.home.settings_file)

    def place(self, story: str, *, where: str = "told", token: uuid.UUID | None = None, **fields: Any) -> ToldRun:
        run = self.desk.make_run(
            uuid=token or uuid.uuid4(),
            workflow={"name": where},
            parameters={"story": story},
            **{"inputs": {"images": list(self.images[:1])}, **fields},
        )
        return ToldRun(self.desk, run)

    def admin(self, *words: str) -> str:
        """What a command of the cluster's admin prints."""
        said = self.machine.ask(*words)
        assert said.returncode == 0, (words, said.stderr)
        return said.stdout.strip()

    def _workflows(self) -> dict[str, dict[str, str]]:
        """Each node has its own stories, so that none waits for another's place, nor dies with another's node."""
        access = self.site.cluster
        assert access is not None
        first, second, third = access.nodes
        return {
            "told": {"nodelist": first},
            "told-later": {"nodelist": first, "begin": "now+1hour"},
            "told-on-second": {"nodelist": second},
            "told-on-third": {"nodelist": third},
            "told-once": {"nodelist": third, "no-requeue": ""},
        }

    def _deploy(self, settings: Path) -> None:
        done = self.desk.command("deploy", "--settings", str(settings))
        assert done.returncode == 0, done.stdout
        self.desk.end_watchers()


@contextmanager
def told_cluster(desk: RunDesk, **settings: object) -> Iterator[ToldCluster]:
    """The cluster as stories need it; afterwards as it was."""
    cluster = ToldCluster(desk, **settings)
    try:
        cluster.install()
        yield cluster
    finally:
        cluster.restore()
