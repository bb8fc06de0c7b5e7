"""What the three formats have in common: defaults and choices in a parameter's type, and names that clash."""

from __future__ import annotations

import math
import re

from contracts.descriptor_formats.node import Node, kind_of
from contracts.descriptor_problem import Problems
from contracts.parameter_schema import LONGEST_TEXT
from contracts.workflow_descriptor import (
    Choice,
    FileInput,
    ParameterType,
    Scalar,
    WorkflowParameter,
)

#: Names that a shell, Slurm, the container runtimes or BIOMERO's job scripts give a meaning. BIOMERO makes each
#: parameter a variable of its upper-case name, so that `path` breaks the job and `data_path` moves it.
TAKEN_VARIABLES = re.compile(
    "PATH|HOME|USER|LOGNAME|SHELL|SHLVL|PWD|OLDPWD|IFS|ENV|LANG|LANGUAGE|TERM|TMP|TMPDIR|TEMP|HOSTNAME|HOSTTYPE|MACHTYPE"
    "|OSTYPE|UID|EUID|PPID|GROUPS|RANDOM|SECONDS|LINENO|PS[1-4]|CDPATH|OPTARG|OPTIND|OPTERR|REPLY|DISPLAY|PYTHONPATH"
    "|JAVA_HOME|CUDA_VISIBLE_DEVICES|OMP_NUM_THREADS|DATA_PATH|IMAGE_PATH|IMAGE_VERSION|SCRIPT_PATH|GPU_FLAG|DO_CONVERT"
    "|CONVERSION_PATH|CONVERTER_IMAGE|CONFIG_FILE|CONFIG_PATH|(LC_|LD_|BASH|SLURM_|SBATCH_|SINGULARITY|APPTAINER|BIOMERO_).*"
)

MOST_CHOICES = 1_000
_NUMERIC = {ParameterType.INTEGER, ParameterType.NUMBER}


def read_default(node: Node, key: str, kind: ParameterType) -> Scalar | None:
    """The default in the parameter's type; `None` and `null` are no default."""
    value = node.scalar(key)
    if value is None or value == "None":
        return None
    converted = convert(value, kind)
    if isinstance(converted, str) and not is_passable(converted):
        node.problems.error(node.at(key), *_UNPASSABLE)
        return None
    if converted is None:
        node.problems.error(
            node.at(key), f"It is {kind_of(value)}, and the parameter is {_ARTICLE[kind]}.", "Correct one of the two."
        )
    elif kind is not ParameterType.TEXT and isinstance(value, str):
        node.problems.note(
            node.at(key), f"It is {kind_of(value)} and was read as {converted}.", "Write it without quotes."
        )
    return converted


def read_choices(node: Node, key: str, values: list[object], labels: list[object], kind: ParameterType) -> list[Choice]:
    """Values that may be chosen, in the parameter's type, each with what people read for it."""
    choices: dict[Scalar, Choice] = {}
    if len(values) > MOST_CHOICES:
        node.problems.error(node.at(key), f"There are {len(values):,} choices.", f"Give at most {MOST_CHOICES:,}.")
    for index, value in enumerate(values[:MOST_CHOICES]):
        where = f"{node.at(key)}[{index}]"
        converted = convert(value, kind) if isinstance(value, bool | int | float | str) else None
        if converted is None:
            node.problems.error(
                where, f"It is {kind_of(value)}, and the parameter is {_ARTICLE[kind]}.", "Correct one of the two."
            )
        elif isinstance(converted, str) and not is_passable(converted):
            node.problems.error(where, *_UNPASSABLE)
        elif converted in choices:
            node.problems.error(where, f"{converted!r} is there twice.", "Take one of them out.")
        else:
            label = labels[index] if index < len(labels) else None
            choices[converted] = Choice(value=converted, label=str(converted if label is None else label))
    return list(choices.values())


def is_passable(text: str) -> bool:
    """Whether a text can be an argument of a program: no NUL, no lone surrogate, not too long."""
    return "\0" not in text and len(text) <= LONGEST_TEXT and not any("\ud800" <= each <= "\udfff" for each in text)


_UNPASSABLE = ("It cannot be passed to a program: NUL, no Unicode, or too long.", "Write a shorter, plain text.")


def convert(value: Scalar, kind: ParameterType) -> Scalar | None:
    """A value in the type asked for, when nothing is lost or guessed by it; else None.

    `5.0` is the integer 5, `"0.5"` the number 0.5, `"true"` true, and any number or switch a text.
    """
    if kind is ParameterType.TEXT:
        return value if isinstance(value, str) else str(value)
    if kind is ParameterType.BOOLEAN:
        if isinstance(value, str):
            return {"true": True, "false": False}.get(value.strip().lower())
        return value if isinstance(value, bool) else None
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        try:
            value = float(value) if re.search(r"[.eE]", value) else int(value)
        except ValueError:
            return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if kind is ParameterType.INTEGER:
        return int(value) if value == int(value) else None
    return value


_ARTICLE = {
    ParameterType.INTEGER: "an integer",
    ParameterType.NUMBER: "a number",
    ParameterType.BOOLEAN: "true or false",
    ParameterType.TEXT: "a text",
}


def check_parameter(node: Node, parameter: WorkflowParameter, keys: tuple[str, str, str]) -> None:
    """What contradicts itself within one parameter. `keys` are the format's words for default, minimum, maximum."""
    default_key, low_key, high_key = keys
    low, high, default = parameter.minimum, parameter.maximum, parameter.default
    if (low is not None or high is not None) and parameter.type not in _NUMERIC:
        node.problems.error(node.where, "It has a range and is no number.", f"Take {low_key} and {high_key} out.")
        return
    if low is not None and high is not None and low > high:
        node.problems.error(node.at(low_key), f"{low} is more than {high_key}, {high}.", "Exchange the two.")
    if default is None:
        return
    if parameter.choices and default not in [choice.value for choice in parameter.choices]:
        values = ", ".join(repr(choice.value) for choice in parameter.choices[:20])
        node.problems.error(node.at(default_key), f"{default!r} is not among the choices.", f"Choose one of {values}.")
    if isinstance(default, int | float) and not isinstance(default, bool):
        if low is not None and default < low:
            node.problems.error(node.at(default_key), f"{default} is less than {low_key}, {low}.", "Correct one.")
        if high is not None and default > high:
            node.problems.error(node.at(default_key), f"{default} is more than {high_key}, {high}.", "Correct one.")


def keep_apart(
    items: list[tuple[Node, WorkflowParameter | FileInput]], taken_flags: set[str], problems: Problems
) -> list[WorkflowParameter | FileInput]:
    """The items whose names and flags can be told from all others and from the run's own `taken_flags`."""
    kept: list[WorkflowParameter | FileInput] = []
    variables: dict[str, str] = {}
    flags: dict[str, str] = {}
    for node, item in items:
        variable = re.sub(r"[^A-Z0-9_]", "_", item.id.upper())
        if variable in variables:
            problems.error(
                node.where,
                f"{item.id!r} and {variables[variable]!r} are one name where capitals, '-' and '.' do not count.",
                "Rename one of them.",
            )
            continue
        if item.flag in taken_flags:
            problems.error(
                node.where, f"{item.flag} is set by the run itself.", "Take the parameter out, or set-by-server: true."
            )
            continue
        if item.flag in flags:
            problems.error(
                node.where, f"{item.flag} belongs to {flags[item.flag]!r} already.", "Give each its own option."
            )
            continue
        if TAKEN_VARIABLES.fullmatch(variable):
            problems.note(
                node.where,
                f"As a variable of a job script, {item.id!r} would be ${variable}, which has a meaning of its own.",
                "Here it never becomes one; rename it, if BIOMERO is to run the workflow too.",
            )
        variables[variable], flags[item.flag] = item.id, item.id
        kept.append(item)
    return kept
