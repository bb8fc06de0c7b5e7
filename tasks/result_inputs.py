"""Which input image a result belongs to, by the name that the workflow gave it; unknown where names do not say.

Workflows name their outputs after their inputs: `17_cells_labels.tif`, `17_cells.tif`, `17_cells/nuclei.csv` for the
input `17_cells.ome.tif`. Nothing else tells: a file that no name ties to one input belongs to the run as a whole.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from contracts.run_results import ResultFile
from contracts.staged_input import StagedInput

#: Extensions of two parts, of which `Path.suffix` sees the last alone.
_DOUBLE_EXTENSION = re.compile(r"\.(?:ome\.(?:tiff?|btf|tf[28]|zarr)|companion\.ome)$", re.IGNORECASE)
_LEADING_NUMBER = re.compile(r"(\d+)_")


def stem_of(file_name: str) -> str:
    """A file's name without its extension; `.ome.tif` and its like are one extension.

    >>> stem_of("17_cells.v2.ome.tif")
    '17_cells.v2'
    """
    double = _DOUBLE_EXTENSION.search(file_name)
    if double is not None and double.start() > 0:
        return file_name[: double.start()]
    return PurePosixPath(file_name).stem


def inputs_of(results: Iterable[ResultFile], staged: Sequence[StagedInput]) -> dict[str, StagedInput | None]:
    """The input of every result, by the result's path; None: it belongs to the run as a whole.

    Only inputs of the result's own task count. In this sequence:

    1. the longest staged stem that the file's name, or the name of a folder above it, begins with, at a border (its end
       or a character that is neither letter nor digit);
    2. the image's id with an underscore at the beginning of a name (`17_labels.tif`), unless the task numbered its
       results: some other result of it begins with a number that is no input's id;
    3. the only input of its task, when no name says otherwise.

    Names that speak for two inputs are contradictory, and the result is the run's.
    """
    by_task: dict[int, list[StagedInput]] = defaultdict(list)
    for item in staged:
        by_task[item.task].append(item)
    ids = {str(item.image) for item in staged}
    found: dict[str, StagedInput | None] = {}
    in_tasks: dict[int, list[ResultFile]] = defaultdict(list)
    for result in results:
        in_tasks[result.task].append(result)
    for task, files in in_tasks.items():
        found |= _in_task(files, by_task[task], ids)
    return found


def _in_task(
    files: Sequence[ResultFile], inputs: Sequence[StagedInput], ids: set[str]
) -> dict[str, StagedInput | None]:
    stems: dict[str, set[StagedInput]] = defaultdict(set)
    for item in inputs:
        stems[stem_of(item.file_name)].add(item)
    by_id = {str(item.image): item for item in inputs}
    matches = {file.path: _by_stem(file, stems) for file in files}
    numbers = {file.path: _numbers(file) for file in files if not matches[file.path]}
    elsewhere = ids - by_id.keys()
    counts = any(number not in ids for found in numbers.values() for number in found)
    found: dict[str, StagedInput | None] = {}
    for file in files:
        named = matches[file.path]
        if not named and not counts:
            named = {by_id[number] for number in numbers[file.path] if number in by_id}
        strange = any(number in elsewhere for number in numbers.get(file.path, ()))
        if len(named) == 1 and not strange:
            (found[file.path],) = named
        elif not named and not strange and len(inputs) == 1:
            found[file.path] = inputs[0]
        else:
            found[file.path] = None
    return found


def _by_stem(file: ResultFile, stems: Mapping[str, set[StagedInput]]) -> set[StagedInput]:
    """The inputs that the parts of the result's path name, each by the longest stem that fits it."""
    named: set[StagedInput] = set()
    for part in file.path_in_task.parts:
        ends = [end for end in range(len(part), 0, -1) if _is_border(part, end) and part[:end] in stems]
        if ends:
            named |= stems[part[: ends[0]]]
    return named


def _is_border(part: str, end: int) -> bool:
    return end == len(part) or not part[end].isalnum()


def _numbers(file: ResultFile) -> set[str]:
    """The numbers with an underscore that parts of the path begin with."""
    return {match[1] for part in file.path_in_task.parts if (match := _LEADING_NUMBER.match(part))}
