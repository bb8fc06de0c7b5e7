"""What is wrong with a descriptor is said in full: where, what, and what to do; and nothing breaks the reader."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.descriptor_formats import read_descriptor
from contracts.descriptor_formats.document import LONGEST_TEXT
from contracts.descriptor_problem import Severity
from tests.unit.contracts.descriptor_texts import biaflows, bilayers, biomero, number, text


def errors(descriptor: str) -> list[str]:
    found = read_descriptor(descriptor)
    assert (found.descriptor is None) == bool(found.errors)
    assert all(problem.where and problem.next_step for problem in found.problems)
    return [str(problem) for problem in found.errors]


def notes(descriptor: str) -> list[str]:
    found = read_descriptor(descriptor)
    assert found.descriptor is not None, errors(descriptor)
    return [str(problem) for problem in found.notes]


@pytest.mark.parametrize(
    ("descriptor", "where", "what"),
    [
        ('{"cwlVersion": "v1.2"}', "cwlVersion", "CWL is not read"),
        ('{"openapi": "3.1.0"}', "openapi", "OpenAPI is not read"),
        ('{"$schema": "https://spec.openapis.org/oas/3.1"}', "$schema", "OpenAPI is not read"),
        (biaflows(**{"schema-version": "boutiques-0.5"}), "schema-version", "'boutiques-0.5'"),
        (biaflows(**{"schema-version": "cytomine-0.2"}), "schema-version", "'cytomine-0.2'"),
        (biaflows(**{"schema-version": 0.1}), "schema-version", "the number 0.1"),
        ('{"a": 1, "b": 2}', "file", "its keys are: a, b"),
        ("{}", "file", "its keys are: none"),
        ("[1, 2]", "file", "no list of keys and values"),
        ("", "file", "no list of keys and values"),
        ("just text", "file", "no list of keys and values"),
        ('{"name": }', "line 1, column 10", "no JSON"),
        ('{"name": 1,\n "name": 2}', "file", "'name' comes twice"),
        ("a: 1\na: 2\n", "file", "line 2: the key 'a' comes twice"),
        ("a: [1\n", "line 2, column 1", "no YAML"),
        ("a: &x [1]\nb: *x\n", "file", "aliases"),
        ("a: \x00\n", "file", "cannot be read"),
        ('{"name": NaN}', "file", "NaN is no number"),
        ('{"name": "\\ud800"}', "file", "no Unicode"),
        ('{"a":' + "[" * 100_000, "file", "nested too deeply"),
        ("[" * 5_000, "file", "nested too deeply"),
        (" " * (LONGEST_TEXT + 1), "file", "longer than"),
    ],
)
def test_what_is_no_descriptor(descriptor: str, where: str, what: str) -> None:
    found = read_descriptor(descriptor)
    assert found.descriptor is None
    (problem,) = found.errors
    assert problem.where == where
    assert what in problem.what


@pytest.mark.parametrize(
    ("descriptor", "words"),
    [
        (biaflows(name=...), "name: It is missing."),
        (biaflows(name=" "), "name: It is missing."),
        (biaflows(name=["x"]), "name: It is a list, not text."),
        (biaflows(inputs=...), "inputs: It is missing."),
        (biaflows(inputs={}), "inputs: It is keys and values, not a list."),
        (biaflows(inputs=[7]), "inputs[0]: It is the number 7, not keys and values."),
        (biaflows(**{"container-image": ...}), "container-image: It is missing."),
        (biaflows(**{"container-image": "lab/x"}), "container-image: It is the text 'lab/x'"),
        (biaflows(**{"container-image": {"type": "oci"}}), "container-image.image: It is missing."),
        (biaflows(**{"container-image": {"image": "Lab/X"}}), "has capital letters"),
        (biaflows(**{"container-image": {"image": "lab/x", "type": "vm"}}), "container-image.type: 'vm'"),
        (biaflows(number(id=...)), "inputs[1].id: It is missing."),
        (biaflows(number("no name")), "inputs[1].id: 'no name' is no name"),
        (biaflows(number("$(id)")), "is no name for a parameter"),
        (biaflows(number(type="Float32")), "inputs[1].type: BIAFLOWS has no type 'Float32'."),
        (biaflows(number(type=...)), "inputs[1].type: It is missing."),
        (biaflows(number(type="Domain", optional=False)), "an object of a Cytomine server"),
        (biaflows(number(optional="yes")), "inputs[1].optional: It is the text 'yes', not true or false."),
        (biaflows(number(**{"command-line-flag": "radius"})), "'radius' is no command-line option."),
        (biaflows(number(**{"command-line-flag": "--a b"})), "'--a b' is no command-line option."),
        (biaflows(number(**{"command-line-flag": "--a;id"})), "is no command-line option."),
        (biaflows(number(**{"command-line-flag": "--infolder"})), "--infolder is set by the run itself."),
        (biaflows(number(**{"command-line-flag": "-nmc"})), "-nmc is set by the run itself."),
        (biaflows(number(**{"default-value": "many"})), "It is the text 'many', and the parameter is a number."),
        (biaflows(number(**{"default-value": True})), "It is true, and the parameter is a number."),
        (biaflows(number(**{"default-value": [1]})), "inputs[1].default-value: It is a list."),
        (biaflows(number(integer=True, **{"default-value": 0.5})), "the number 0.5, and the parameter is an integer"),
        (biaflows(number(type="Boolean")), "It is the number 5, and the parameter is true or false."),
        (biaflows(text(**{"default-value": "a\0b"})), "cannot be passed to a program"),
        (biaflows(number(minimum=6)), "inputs[1].default-value: 5 is less than minimum, 6."),
        (biaflows(number(maximum=4)), "inputs[1].default-value: 5 is more than maximum, 4."),
        (biaflows(number(minimum=9, maximum=4)), "inputs[1].minimum: 9 is more than maximum, 4."),
        (biaflows(number(minimum="low")), "inputs[1].minimum: It is the text 'low', not a number."),
        (biaflows(text(minimum=1)), "It has a range and is no number."),
        (biaflows(number(**{"value-choices": [1, 2]})), "5 is not among the choices."),
        (biaflows(number(**{"value-choices": [5, "many"]})), "value-choices[1]: It is the text 'many'"),
        (biaflows(number(**{"value-choices": [5, 5.0]})), "value-choices[1]: 5.0 is there twice."),
        (biaflows(number("a"), number("a")), "inputs[2]: 'a' and 'a' are one name"),
        (biaflows(number("do_3D"), number("do_3d")), "'do_3d' and 'do_3D' are one name"),
        (biaflows(number("a-b"), number("a.b")), "'a.b' and 'a-b' are one name"),
        (biaflows(number("a"), number("b", **{"command-line-flag": "--a"})), "--a belongs to 'a' already."),
        (biomero(citations=[]), "citations: There is none."),
        (biomero(citations=[{"name": "x"}]), "citations[0].license: It is missing."),
        (biomero(description=...), "description: It is missing."),
        (biomero(**{"command-line": ...}), "command-line: It is missing."),
        (biomero(**{"problem-class": "magic"}), "There is no class 'magic'."),
        (biomero(inputs=[{"id": "a", "type": "text"}]), "biomero-schema has no type 'text'."),
        (biomero(outputs=[{"id": "a", "type": "text"}]), "outputs[0].type: biomero-schema has no type 'text'."),
        (biomero(inputs=[{"id": "a", "type": "float", "mode": "expert"}]), "There is no mode 'expert'."),
        (biomero(inputs=[{"id": "a", "type": "file", "file-count": 2}]), "'2' is no count of files."),
        (biomero(inputs=[{"id": "a", "type": "file", "format": [1]}]), "neither a text nor a list of texts"),
        (
            biomero(inputs=[{"id": "a", "type": "string", "value-choices": ["x"], "value-choices-labels": ["X", "Y"]}]),
            "There are 2 labels for 1 choices.",
        ),
        (biomero(configuration={"resources": {"ram-min": "much"}}), "configuration.resources.ram-min: It is the text"),
        (biomero(configuration={"resources": {"cores-min": -1}}), "-1 is not between 0 and 10,000."),
        (biomero(configuration={"resources": {"ram-min": 2.0**40}}), "is not between 0 and 1,073,741,824."),
        (bilayers(docker_image={"name": "x"}), "docker_image.org: It is missing."),
        (bilayers(docker_image={"org": "lab", "name": "x", "tag": "a b"}), "docker_image: It names no image"),
        (bilayers(exec_function=...), "exec_function: It is missing."),
        (bilayers(parameters=...), "parameters: It is missing."),
        (bilayers(inputs=[]), "inputs: The workflow is not told where its images are."),
        (bilayers(parameters=[{"name": "a", "type": "slider", "cli_tag": "--a"}]), "Bilayers has no type 'slider'."),
        (bilayers(parameters=[{"name": "a", "type": "float"}]), "parameters[0].cli_tag: No option would carry"),
        (bilayers(parameters=[{"name": "a", "type": "radio", "cli_tag": "--a"}]), "There is nothing to choose from."),
        (bilayers(parameters=[{"name": "a", "type": "float", "cli_tag": "--dir"}]), "--dir is set by the run itself."),
        (bilayers(parameters=[{"name": "a", "type": "float", "cli_tag": "-o"}]), "-o is set by the run itself."),
        (bilayers(outputs=[{"name": "a", "type": "float"}]), "'float' is no output."),
    ],
)
def test_a_mistake_is_found_and_said(descriptor: str, words: str) -> None:
    found = errors(descriptor)
    assert any(words in problem for problem in found), found


def test_all_mistakes_are_told_at_once() -> None:
    broken = biaflows(
        number("no name"),
        number(type="Float32"),
        number("c", minimum=9, maximum=1, optional="yes"),
        name=...,
        **{"container-image": {"image": "Lab/X", "type": "vm"}},
    )
    assert [problem.split(": ")[0] for problem in errors(broken)] == [
        "name",
        "container-image.type",
        "container-image.image",
        "inputs[1].id",
        "inputs[2].type",
        "inputs[3].optional",
        "inputs[3].minimum",
        "inputs[3].default-value",
        "inputs[3].default-value",
    ]


@pytest.mark.parametrize(
    ("descriptor", "words"),
    [
        (biaflows(**{"schema-version": ...}), "container-image and inputs make this a BIAFLOWS descriptor"),
        (biaflows(colour="blue"), "colour: The format has no such key"),
        (biaflows(descripton="x"), "Write 'description', if that is meant."),
        (biaflows(number(optinal=True)), "inputs[1].optinal: The format has no such key, and it was not read."),
        (biaflows(number(type="Domain")), "It was left out."),
        (biaflows(number(**{"default-value": "0.5"})), "the text '0.5' and was read as 0.5"),
        (
            biomero(inputs=[{"id": "a", "type": "image", "command-line-flag": "--in"}]),
            "--in is not passed: images come in --infolder.",
        ),
        (biomero(configuration={"input_folder": "/inputs"}), "not mounted at a place of the workflow's choice"),
        (biomero(configuration={"resources": {"cpuAVX2": True}}), "Choose nodes with a constraint."),
        (bilayers(citations=[]), "citations: There is none."),
        (bilayers(outputs=[], parameters=[]), "not told where its results go"),
    ],
)
def test_what_a_reader_should_know_is_noted(descriptor: str, words: str) -> None:
    found = notes(descriptor)
    assert any(words in note for note in found), found


def test_whole_descriptors_give_no_notes() -> None:
    assert notes(biaflows(number(), text())) == notes(biomero()) == notes(bilayers()) == []


@pytest.mark.parametrize(
    "name",
    ["path", "home", "data_path", "image_path", "ifs", "ld_preload", "lc_all", "slurm_job_id", "script-path", "PS4"],
)
def test_names_that_a_job_script_would_not_survive_are_found(name: str) -> None:
    (note,) = notes(biaflows(number(name)))
    assert f"${name.upper().replace('-', '_')}, which has a meaning of its own" in note
    workflow = read_descriptor(biaflows(number(name))).descriptor
    assert workflow is not None and workflow.parameters[0].variable.startswith("PARAM_")


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a tree of mappings and lists."""
    members = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in members:
        yield (*path, key)
        yield from places(value, (*path, key))


@pytest.mark.parametrize("descriptor", [biaflows(number(), text()), biomero(), bilayers()], ids=["a", "b", "c"])
def test_nothing_that_is_exchanged_for_something_else_breaks_the_readers(descriptor: str) -> None:
    whole = yaml.safe_load(descriptor)
    for path in places(whole):
        for other in (None, True, 0, 1e308, "", "-", ["x"], {"x": 1}, 10**30):
            changed = copy.deepcopy(whole)
            inside = changed
            for key in path[:-1]:
                inside = inside[key]
            inside[path[-1]] = other
            found = read_descriptor(json.dumps(changed))
            assert (found.descriptor is None) == bool(found.errors)


_KEYS = st.sampled_from(
    [
        *("name", "description", "schema-version", "container-image", "image", "type", "inputs", "outputs", "id"),
        *("command-line-flag", "default-value", "optional", "set-by-server", "value-choices", "value-choices-labels"),
        *("minimum", "maximum", "docker_image", "org", "tag", "exec_function", "hidden_args", "cli_tag", "value"),
        *("append_value", "parameters", "options", "label", "citations", "license", "configuration", "resources"),
        *("ram-min", "cores-min", "format", "file_count", "file-count", "subtype", "mode", "integer"),
    ]
)
_WORDS = st.sampled_from(
    ["cytomine-0.1", "biomero-0.1", "Number", "String", "float", "image", "file", "radio", "checkbox", "lab/x", "--a"]
)
_LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), _WORDS, st.text(max_size=8))
_TREES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=6), max_leaves=25
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # nothing here is about time
@given(document=st.dictionaries(_KEYS, _TREES, max_size=8), extra=_WORDS)
def test_no_document_breaks_the_readers(document: dict[str, Any], extra: str) -> None:
    for shape in (
        document,
        document | {"schema-version": "cytomine-0.1"},
        document | {"schema-version": "biomero-0.1"},
        {key: value for key, value in document.items() if key != "schema-version"} | {"docker_image": {"org": extra}},
    ):
        for found in (read_descriptor(json.dumps(shape)), read_descriptor(yaml.safe_dump(shape))):
            assert (found.descriptor is None) == any(each.severity is Severity.ERROR for each in found.problems)


@settings(deadline=None)
@given(st.text(max_size=200))
def test_no_text_breaks_the_readers(anything: str) -> None:
    for descriptor in (anything, "{" + anything, "docker_image: " + anything):
        assert read_descriptor(descriptor).errors
