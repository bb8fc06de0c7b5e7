"""An object of OMERO that a run's page speaks of, with the name that the visitor sees."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

#: Kind and id.
ObjectKey = tuple[str, int]


class NamedObject(BaseModel):
    """`name` None: OMERO has no such object any more, or none that the visitor may see; it does not say which."""

    model_config = ConfigDict(frozen=True)

    kind: str
    id: int
    name: str | None

    @property
    def words(self) -> str:
        return f"{'Attachment' if self.kind == 'FileAnnotation' else self.kind} {self.id}"

    @property
    def show(self) -> str | None:
        """How the webclient calls it, `image-7`; None for what it does not show by itself, and for what is gone."""
        return None if self.name is None or self.kind == "FileAnnotation" else f"{self.kind.lower()}-{self.id}"
