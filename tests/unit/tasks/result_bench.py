"""A run's results on a disk, without OMERO: what is looked at before anything is written."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from blocks.image_storage import ImageStorage
from blocks.omero_server import OmeroServer
from blocks.omero_session import OmeroSession
from contracts.analysis_run import AnalysisInputs, AnalysisRun, ResultOptions, Workflow
from contracts.destination import Destination, DestinationType
from contracts.run_facts import RunFacts
from contracts.run_results import ANALYZED, ResultFile
from contracts.staged_input import StagedForm, StagedInput
from tasks.result_run import ResultRun

TOKEN = uuid.UUID("3f2a7c1e-0000-4000-8000-00000000a001")
BEGUN = datetime(2026, 11, 23, 8, 0, 5, tzinfo=UTC)
ENDED = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
BY_NAME = Destination(type=DestinationType.DATASET, name="Results")


def staged(image: int, name: str = "cells", task: int = 0, dataset: int | None = 3) -> StagedInput:
    return StagedInput(
        image=image,
        name=f"{name}.czi [1]",
        original_file=f"{name}.czi",
        dataset=dataset,
        file_name=f"{image}_{name}.ome.tif",
        form=StagedForm.OME_TIFF,
        task=task,
    )


@dataclass
class ResultBench:
    """`root` is the image storage; `files` is what came back so far."""

    root: Path
    options: ResultOptions = field(default_factory=lambda: ResultOptions(destination=BY_NAME))
    inputs: tuple[StagedInput, ...] = (staged(17), staged(18, "others"))
    jobs: tuple[str, ...] = ("4711_0", "4711_1")
    files: list[ResultFile] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.root / "lab-a" / ANALYZED / str(TOKEN)

    def bring(self, name: str, content: bytes = b"x", task: int = 0) -> ResultFile:
        place = self.folder / str(task) / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        return self.came(name, task)

    def came(self, name: str, task: int = 0) -> ResultFile:
        content = (self.folder / str(task) / name).read_bytes()
        file = ResultFile(
            path=f"{ANALYZED}/{TOKEN}/{task}/{name}",
            task=task,
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
        )
        self.files.append(file)
        return file

    @property
    def facts(self) -> RunFacts:
        return RunFacts(
            version="v1.2",
            container="ghcr.io/lab/nuclei:v1.2",
            container_digest="sha256:abcd",
            jobs=self.jobs,
            begun=BEGUN,
            ended=ENDED,
        )

    @property
    def run(self) -> AnalysisRun:
        return AnalysisRun(
            uuid=TOKEN,
            user="alice",
            group="lab-a",
            workflow=Workflow(name="nuclei"),
            inputs=AnalysisInputs(datasets=(3,), images=(18,)),
            parameters={"diameter": 30, "note": 'a"; touch x; "', "gpu": True},
            results=self.options,
        )

    @property
    def work(self) -> ResultRun:
        server = OmeroServer(host="127.0.0.1", sudo_user="importer", password=SecretStr("unused"))
        session = OmeroSession(server, "alice", "lab-a")
        return ResultRun(self.run, self.facts, self.inputs, server, session, ImageStorage(root=str(self.root)))
