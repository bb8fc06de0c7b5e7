"""Key-values on results: BIOMERO's, by which existing sites search, and our own.

BIOMERO's namespaces and keys are those of its SLURM_Import_Results script. It writes them on images; we write them on
every result that OMERO lets annotate (an attachment or table carries them as annotations of its annotation).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from omero.model import MapAnnotationI

from contracts import namespaces
from contracts.analysis_run import AnalysisRun
from contracts.base import Moment
from contracts.run_facts import RunFacts
from contracts.run_results import ResultKind
from contracts.staged_input import StagedInput
from tasks.key_values import Pairs, map_annotation
from tasks.result_run import ResultRun, result_token

#: Key of an input's value that says which rule's run used it: a batch looks for it (tasks/rule_evidence.py).
RULE = "Rule"
#: An annotation to be: its namespace, the pair that tells it from others there, and all of its pairs.
KeyValues = tuple[str, tuple[str, str], Pairs]


def result_key_values(
    run: ResultRun, kind: ResultKind, path: str, task: int | None, input: StagedInput | None, sha256: str | None = None
) -> tuple[KeyValues, ...]:
    """All that is written on one result. `task` None: it comes from all tasks of the run."""
    workflow_id = ("Workflow_ID", str(run.token))
    jobs = run.facts.jobs if task is None else tuple(filter(None, [run.facts.job_of(task)]))
    task_namespace = f"{namespaces.WORKFLOW}/task/{run.run.workflow.name}"
    token = ("Result", result_token(run.token, kind, path))
    return (
        (namespaces.WORKFLOW, workflow_id, _workflow(run.run, run.facts)),
        (task_namespace, workflow_id, _task(run.run, run.facts, jobs, input)),
        *((f"{task_namespace}/job", ("Job_ID", job), _job(run.run, job)) for job in jobs if task is not None),
        (namespaces.RESULT, token, (token, *_ours(run.run, run.facts, path, task, jobs, input, sha256))),
    )


def map_annotations(key_values: Iterable[KeyValues]) -> list[MapAnnotationI]:
    """Unsaved annotations, for what is made together with them."""
    return [map_annotation(namespace, pairs) for namespace, _, pairs in key_values]


def input_key_values(run: AnalysisRun, facts: RunFacts) -> KeyValues:
    """What every input says of a run that used it."""
    identity = ("UUID", str(run.uuid))
    return (
        namespaces.ANALYSIS,
        identity,
        (
            identity,
            ("Workflow", run.workflow.name),
            ("Version", facts.version),
            ("Username", run.user),
            ("Group", run.group),
            ("Created_On", _moment(facts.begun)),
            *(() if run.rule is None else ((RULE, str(run.rule)),)),
        ),
    )


def input_data(run: AnalysisRun) -> str:
    """What was ordered to be analysed: `Dataset:12, Image:5`."""
    inputs = run.inputs
    kinds = (("Dataset", inputs.datasets), ("Plate", inputs.plates), ("Image", inputs.images))
    return ", ".join(f"{kind}:{object_id}" for kind, ids in kinds for object_id in ids)


def _task_id(run: AnalysisRun) -> str:
    """BIOMERO numbers the tasks of a workflow by UUIDs; the one that is the job has the same in every attempt."""
    return str(uuid.uuid5(run.uuid, "task"))


def _workflow(run: AnalysisRun, facts: RunFacts) -> Pairs:
    return (
        ("Workflow_ID", str(run.uuid)),
        ("Name", run.workflow.name),
        ("Version", facts.version),
        ("Created_On", _moment(facts.begun)),
        ("Modified_On", _moment(facts.ended)),
        ("Task_IDs", _task_id(run)),
    )


def _task(run: AnalysisRun, facts: RunFacts, jobs: tuple[str, ...], input: StagedInput | None) -> Pairs:
    """The task that is the job. Its state is that of the results: only those of a completed task come here."""
    return (
        ("Task_ID", _task_id(run)),
        ("Workflow_ID", str(run.uuid)),
        ("Workflow_Name", run.workflow.name),
        ("Name", run.workflow.name),
        ("Version", facts.version),
        ("Created_On", _moment(facts.begun)),
        ("Modified_On", _moment(facts.ended)),
        ("Status", "COMPLETED"),
        ("Input_Data", f"Image:{input.image}" if input is not None else input_data(run)),
        ("Job_IDs", ", ".join(jobs)),
        *((f"Param_{name}", str(value)) for name, value in run.parameters.items()),
    )


def _job(run: AnalysisRun, job: str) -> Pairs:
    return (("Job_ID", job), ("Task_ID", _task_id(run)), ("Workflow_ID", str(run.uuid)))


def _ours(
    run: AnalysisRun,
    facts: RunFacts,
    path: str,
    task: int | None,
    jobs: tuple[str, ...],
    input: StagedInput | None,
    sha256: str | None,
) -> Pairs:
    pairs = [
        ("UUID", str(run.uuid)),
        ("Workflow", run.workflow.name),
        ("Version", facts.version),
        ("Container", facts.container),
    ]
    if facts.container_digest is not None:
        pairs.append(("Container_Digest", facts.container_digest))
    if input is not None:
        pairs += [
            ("Input_Image", str(input.image)),
            ("Input_Name", input.name),
            ("Input_File", input.original_file),
        ]
    else:
        pairs.append(("Input_Data", input_data(run)))
    pairs += [("Username", run.user), ("Group", run.group), ("Result_Path", path)]
    if sha256 is not None:
        pairs.append(("Result_SHA256", sha256))
    if task is not None:
        pairs.append(("Task", str(task)))
    pairs += [("Job_ID", job) for job in jobs]
    return (*pairs, *((f"Param_{name}", str(value)) for name, value in run.parameters.items()))


def _moment(moment: Moment) -> str:
    return moment.isoformat(timespec="seconds")
