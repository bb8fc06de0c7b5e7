"""How a container image becomes a file on the cluster: a command template, split into words before values go in."""

from __future__ import annotations

import re
import shlex

from blocks.remote_command import quote

APPTAINER_PULL = "apptainer pull --disable-cache {destination} docker://{reference}"

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_PLACEHOLDERS = frozenset({"reference", "file", "destination"})


def check_pull_template(template: str) -> str:
    """
    Raises:
        ValueError: it is no line of words, has another placeholder, or does not say where the file is to be.
    """
    words = shlex.split(template)
    named = {name for word in words for name in _PLACEHOLDER.findall(word)}
    if unknown := named - _PLACEHOLDERS:
        raise ValueError(
            f"{{{sorted(unknown)[0]}}} is no placeholder here; there are {', '.join(sorted(_PLACEHOLDERS))}"
        )
    if "destination" not in named:
        raise ValueError("{destination} is missing")
    return template


def pull_words(template: str, *, reference: str, file: str, destination: str) -> str:
    """The command for one image, quoted for a shell; a value is one part of one word, whatever is in it."""
    values = {"reference": reference, "file": file, "destination": destination}
    words = [_PLACEHOLDER.sub(lambda found: values[found[1]], word) for word in shlex.split(template)]
    return quote(*words)
