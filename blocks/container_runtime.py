"""How a cluster starts a workflow's container: a command template, because every site has its own runtime.

A template is a line of words. It is split into words once, and what stands for a placeholder is put into its word, so
that no value is ever split or read by a shell:

    {image}   the image's file, absolute; {reference}: the image's name in a registry or store
    {in} {gt} {files} {out}   the task's folders on the cluster; the container sees them below /data
    {data}    an empty folder that has in, gt, files and out, for runtimes that cannot make a place to mount to
    {work}    a folder of the task's own for temporary files
    {name}    a name for the container that no other has
    {memory_mb} {cpus}   what the job asked for
    [gpu ...]        the words inside, if the job has a GPU
    [mount ...]      the words inside, once for each further folder {path} that the container may read

The workflow's arguments follow the last word.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from blocks.remote_command import quote

#: `--containall` without `--workdir` gives 64 MB of /tmp, in memory.
APPTAINER = (
    "apptainer run --containall --no-eval --workdir {work} --writable-tmpfs [gpu --nv]"
    " --bind {in}:/data/in:ro --bind {gt}:/data/gt:ro --bind {files}:/data/files:ro --bind {out}:/data/out"
    " [mount --bind {path}:{path}:ro] {image}"
)
#: SingularityCE, and Singularity before it was called Apptainer; 3.8 and older have no --no-eval.
SINGULARITY = APPTAINER.replace("apptainer run", "singularity run").replace(" --no-eval", "")
#: conmon leaves the job's process tree and its memory limit: hence --memory, and the template that stops it.
PODMAN = (
    "podman run --rm --name {name} --network none --read-only --cap-drop all --security-opt no-new-privileges"
    " --memory {memory_mb}m --volume {work}:/tmp [gpu --device nvidia.com/gpu=all]"
    " --volume {in}:/data/in:ro --volume {gt}:/data/gt:ro --volume {files}:/data/files:ro --volume {out}:/data/out"
    " [mount --volume {path}:{path}:ro] {reference}"
)
PODMAN_STOP = "podman rm --force --time 0 {name}"
#: Images are folders or .sqfs files with Apptainer's run script; read-only, but what is bound is writable. ch-run 0.31
#: makes no place to bind to: the image has /data, and a place for each further folder. The container shares the job's
#: network, processes, environment and memory limit, and dies with the job.
CHARLIECLOUD = (
    "ch-run --bind {work}:/tmp --bind {data}:/data --bind {in}:/data/in --bind {gt}:/data/gt"
    " --bind {files}:/data/files --bind {out}:/data/out [mount --bind {path}:{path}]"
    " {image} -- /.singularity.d/runscript"
)

#: By name, as settings have them: how a container is run, and how it is ended where its job's end is not enough.
RUNTIMES: dict[str, tuple[str, str | None]] = {
    "apptainer": (APPTAINER, None),
    "singularity": (SINGULARITY, None),
    "podman": (PODMAN, PODMAN_STOP),
    "charliecloud": (CHARLIECLOUD, None),
}

_PLACEHOLDERS = frozenset(
    {"image", "reference", "in", "gt", "files", "out", "data", "work", "name", "memory_mb", "cpus", "path"}
)
_NEEDED = ("in", "out")
_GROUPS = ("gpu", "mount")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Group:
    """Words that come not at all, or several times."""

    name: str
    words: tuple[str, ...]


def parse_template(template: str) -> tuple[str | Group, ...]:
    """The words and groups of a template.

    Raises:
        ValueError: it is no line of words, or a placeholder or group is not known.
    """
    found: list[str | Group] = []
    group: list[str] | None = None
    name = ""
    for word in shlex.split(template):
        if word.startswith("["):
            if group is not None or word[1:] not in _GROUPS:
                raise ValueError(
                    f"{word!r} begins none of the groups {', '.join(f'[{known} ...]' for known in _GROUPS)}"
                )
            group, name = [], word[1:]
            continue
        ends = group is not None and word.endswith("]")
        text = word[:-1] if ends else word
        for placeholder in _PLACEHOLDER.findall(text):
            if placeholder not in _PLACEHOLDERS or (placeholder == "path") != (group is not None and name == "mount"):
                raise ValueError(f"{{{placeholder}}} is no placeholder here")
        if any(brace in _PLACEHOLDER.sub("", text) for brace in "{}"):
            raise ValueError(f"{word!r} has a brace that belongs to no placeholder")
        if group is None:
            found.append(text)
            continue
        if text:
            group.append(text)
        if ends:
            found.append(Group(name, tuple(group)))
            group = None
    if group is not None:
        raise ValueError(f"the group [{name} is not closed")
    if not found:
        raise ValueError("the template has no words")
    return tuple(found)


def check_run_template(template: str) -> str:
    """A template that starts a container.

    Raises:
        ValueError: as `parse_template`; or it lacks the input or output folder, or the image.
    """
    parse_template(template)
    named = set(_PLACEHOLDER.findall(template))
    missing = [f"{{{name}}}" for name in _NEEDED if name not in named]
    if not named & {"image", "reference"}:
        missing.append("{image} or {reference}")
    if missing:
        raise ValueError(f"the template has no {', '.join(missing)}")
    return template


def check_stop_template(template: str) -> str:
    """A template that ends a container, by its name.

    Raises:
        ValueError: as `parse_template`; or it lacks the name.
    """
    parse_template(template)
    if "{name}" not in template:
        raise ValueError("the template has no {name}")
    return template


def shell_words(template: str, *, gpu: bool = False, mounts: tuple[str, ...] = ()) -> list[str]:
    """The words of a job script that run the command: each placeholder is the shell variable of its name, quoted."""
    words: list[str] = []
    for part in parse_template(template):
        if isinstance(part, str):
            words.append(_shell_word(part))
        elif part.name == "mount":
            words += [_shell_word(text, path) for path in mounts for text in part.words]
        elif gpu:
            words += [_shell_word(text) for text in part.words]
    return words


def _shell_word(text: str, path: str = "") -> str:
    pieces = []
    for number, piece in enumerate(_PLACEHOLDER.split(text)):
        if number % 2 == 0:
            pieces.append(quote(piece) if piece else "")
        elif piece == "path":
            pieces.append(quote(path))
        else:
            pieces.append(f'"${piece}"')
    return "".join(pieces)
