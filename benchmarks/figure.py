"""One measured figure, and the table of them in README.md."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


@dataclass(frozen=True)
class Figure:
    """`value` in `unit`; `beside` names the peer or limit it was measured against, in words."""

    name: str
    value: float
    unit: str
    beside: str = ""

    def row(self) -> str:
        return f"| {self.name} | {self.value:,.4g} {self.unit} | {self.beside} |"


def machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}, {platform.system()}"


def keep(title: str, figures: Iterable[Figure]) -> None:
    """Replace the table of one benchmark in README.md, so that the page holds each one's latest figures."""
    text = README.read_text(encoding="utf-8")
    head, kept, tail = re.split(f"{BEGIN}|{END}", text)
    sections = {
        name.strip(): body for name, body in re.findall(r"^### (.+)\n((?:(?!^### ).*\n?)*)", kept, re.MULTILINE)
    }
    day = datetime.now(UTC).date().isoformat()
    rows = "\n".join(figure.row() for figure in figures)
    sections[title] = f"\n{day}, {machine()}\n\n| figure | measured | beside |\n| --- | --- | --- |\n{rows}\n\n"
    body = "".join(f"### {name}\n{sections[name]}" for name in sorted(sections))
    README.write_text(f"{head}{BEGIN}\n{body}{END}{tail}", encoding="utf-8")
