"""A value of a JSON or YAML file, as text for people."""

from __future__ import annotations

import json
from typing import Any

LONGEST = 300


def as_text(value: Any) -> str:
    """Short, on one line; what is a text already stays as it is."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    # JSON and YAML can write half a character, which no file, block or terminal takes.
    text = " ".join(text.encode("utf-8", "replace").decode("utf-8").split())
    return text if len(text) <= LONGEST else text[: LONGEST - 4] + " ..."
