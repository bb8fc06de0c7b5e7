"""A workflow as a card tells it: what it is, what goes in and comes out, what it needs, whom to cite."""

from __future__ import annotations

import re
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

from contracts.catalogue_listing import ListedWorkflow, UsableWorkflow
from contracts.failures import Failure
from contracts.workflow_descriptor import WorkflowOutput
from contracts.workflow_entry import WorkflowMode

#: Characters of the one sentence.
LONGEST = 280
_SENTENCE = re.compile(r"(.+?[.!?])(\s|$)", re.DOTALL)
_DOI = re.compile(r"10\.\d{4,9}/\S+")


class Link(BaseModel):
    """`address` None: only words."""

    model_config = ConfigDict(frozen=True)

    words: str
    address: str | None = None


class Card(BaseModel):
    """`needs`: what its jobs ask for by themselves. `failure`: why it cannot be run."""

    model_config = ConfigDict(frozen=True)

    name: str
    title: str
    sentence: str = ""
    version: str = ""
    takes: str = ""
    gives: str = ""
    needs: str = ""
    citations: tuple[Link, ...] = ()
    source: Link | None = None
    installed: str | None = None
    failure: Failure | None = None

    def says(self, text: str) -> bool:
        """Whether each of the words is somewhere on the card."""
        said = " ".join((self.name, self.title, self.sentence, self.takes, self.gives)).lower()
        return all(word in said for word in text.lower().split())


def make_card(workflow: ListedWorkflow, installed: str | None = None) -> Card:
    """`installed`: what was found on the cluster when it was looked at last; None: not known, or not there."""
    source = Link(words="Source", address=workflow.source) if is_web(workflow.source) else None
    usable = workflow.usable
    if usable is None:
        return Card(name=workflow.name, title=workflow.name, source=source, failure=workflow.failure)
    descriptor = usable.descriptor
    cited = tuple(_cite(one.name, one.doi) for one in descriptor.citations if one.name or one.doi)
    return Card(
        name=workflow.name,
        title=descriptor.name,
        sentence=first_sentence(descriptor.description),
        version=usable.version if not usable.version.startswith("sha256:") else usable.version[:19],
        takes=_takes(usable),
        gives=_gives(descriptor.outputs),
        needs=_needs(usable),
        citations=cited,
        source=source,
        installed=installed,
    )


def first_sentence(text: str) -> str:
    found = _SENTENCE.match(text.strip())
    sentence = " ".join((found[1] if found else text).split())
    return sentence if len(sentence) <= LONGEST else sentence[: LONGEST - 1] + "…"


def is_web(address: str) -> bool:
    return address.startswith(("https://", "http://"))


def _cite(name: str, doi: str | None) -> Link:
    """A descriptor's words become no address but one of doi.org."""
    found = _DOI.search(doi or "")
    return Link(words=name or found[0] if found else name or str(doi),
                address=f"https://doi.org/{quote(found[0], safe='/')}" if found else None)  # fmt: skip


def _takes(usable: UsableWorkflow) -> str:
    what = {WorkflowMode.IMAGES: "images", WorkflowMode.PLATES: "plates", WorkflowMode.BOTH: "images or plates"}
    files = [item.title.lower() for item in usable.descriptor.files]
    return " + ".join([what[usable.mode], *files])


def _gives(outputs: tuple[WorkflowOutput, ...]) -> str:
    """BIAFLOWS' descriptors do not say what comes out."""
    return " + ".join(dict.fromkeys(output.title.lower() or output.type for output in outputs)) or "images and files"


def _needs(usable: UsableWorkflow) -> str:
    asked = usable.resources
    parts = [
        f"{asked.gpus} GPU{'' if asked.gpus == 1 else 's'}" if asked.gpus else "",
        f"{asked.cpus} processor{'' if asked.cpus == 1 else 's'}" if asked.cpus else "",
        f"{asked.memory_mb / 1024:.3g} GiB" if asked.memory_mb else "",
        f"{asked.minutes} min" if asked.minutes else "",
    ]
    return ", ".join(part for part in parts if part)
