"""The text of a descriptor as a mapping: JSON (RFC 8259) or YAML 1.1, bounded, with nothing counted twice."""

from __future__ import annotations

import json
from collections.abc import Hashable
from typing import Any

import yaml

from contracts.descriptor_problem import Problems

#: Characters. The largest published descriptors have some 15,000.
LONGEST_TEXT = 256 * 1024
#: Brackets inside brackets.
DEEPEST = 50


class _RepeatedKey(ValueError):
    pass


class _Loader(yaml.SafeLoader):
    """Safe, and refuses a key that comes twice, where YAML readers keep one in silence."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable):
                if key in seen:
                    raise _RepeatedKey(f"line {key_node.start_mark.line + 1}: the key {key!r} comes twice")
                seen.add(key)
        return super().construct_mapping(node, deep)


def read_document(text: str, problems: Problems) -> dict[str, Any] | None:
    """The mapping that a descriptor's text is. None after an error, which is in `problems` then.

    Text that begins with `{` is JSON, all other is YAML. YAML's anchors and aliases are refused: a few
    lines of them can stand for more than any memory holds.
    """
    if len(text) > LONGEST_TEXT:
        problems.error(
            "file", f"It is longer than {LONGEST_TEXT:,} characters.", "Give the descriptor, not the workflow's data."
        )
        return None
    text = text.removeprefix("\ufeff")
    try:
        document = _read_json(text) if text.lstrip().startswith("{") else _read_yaml(text)
        json.dumps(document, ensure_ascii=False, default=str, skipkeys=True).encode("utf-8")  # no lone surrogates
    except json.JSONDecodeError as error:
        problems.error(f"line {error.lineno}, column {error.colno}", f"It is no JSON: {error.msg}.", _MEND)
        return None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = "file" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}"
        problems.error(where, f"It is no YAML: {error.problem or error.context or 'not readable'}.", _MEND)
        return None
    except UnicodeEncodeError:
        problems.error("file", "It holds a text that is no Unicode (a lone surrogate).", _MEND)
        return None
    except (yaml.YAMLError, ValueError) as error:
        problems.error("file", f"It cannot be read: {error}.", _MEND)
        return None
    except RecursionError:
        problems.error("file", "It is nested too deeply to be read.", _MEND)
        return None
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        problems.error("file", "It is no list of keys and values.", "Give a descriptor.json or config.yaml.")
        return None
    return document


_MEND = "Correct the text there; nothing behind it was read."


def _read_json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_unrepeated, parse_constant=_refuse_constant)


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, value in pairs:
        if key in members:
            raise _RepeatedKey(f"the key {key!r} comes twice in one object")
        members[key] = value
    return members


def _refuse_constant(constant: str) -> Any:
    raise ValueError(f"{constant} is no number in JSON")


def _read_yaml(text: str) -> Any:
    depth = 0
    for token in yaml.scan(text, Loader=_Loader):
        line = token.start_mark.line + 1
        if isinstance(token, yaml.AliasToken):
            raise ValueError(f"line {line}: YAML aliases (*{token.value}) are not read")
        if isinstance(token, yaml.FlowSequenceStartToken | yaml.FlowMappingStartToken):
            depth += 1
        elif isinstance(token, yaml.FlowSequenceEndToken | yaml.FlowMappingEndToken):
            depth -= 1
        if depth > DEEPEST:  # PyYAML's time grows with the square of it
            raise ValueError(f"line {line}: it is nested too deeply")
    return yaml.load(text, Loader=_Loader)
