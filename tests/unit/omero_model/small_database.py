"""A small database: two users, a group of each kind, a project with a dataset and images."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sandbox.omero.permissions import PRIVATE, READ_ANNOTATE, READ_ONLY, READ_WRITE, Caller
from sandbox.omero.records import Milliseconds, NamedValue, Quantity, Record
from sandbox.omero.store import Store

NOON = Milliseconds(1_795_435_200_000)  # 2026-11-23T12:00:00Z
TOKEN_NAMESPACE = "omero-flows/import"


@dataclass
class Database:
    """The store and its records by name."""

    store: Store
    groups: dict[str, Record] = field(default_factory=dict)
    users: dict[str, Record] = field(default_factory=dict)
    objects: dict[str, Record] = field(default_factory=dict)

    def caller(self, user: str = "alice", group: str = "lab", **options: Any) -> Caller:
        return Caller.of(self.store, self.users[user], self.groups[group], **options)

    def add_group(self, name: str, permissions: int, id: int | None = None) -> Record:
        group = self.store.create("ExperimenterGroup", owner=None, group=None, event=None, id=id, name=name)
        self.store.assign_detail(group, "permissions", permissions)
        self.groups[name] = group
        return group

    def add_user(self, name: str, *groups: str, leads: tuple[str, ...] = ()) -> Record:
        user = self.store.create(
            "Experimenter", owner=None, group=None, event=None, omeName=name, firstName=name.title(), lastName="Example"
        )
        for group in groups:
            membership = self.store.create(
                "GroupExperimenterMap", owner=None, group=None, event=None, parent=self.groups[group], child=user
            )
            self.store.assign(membership, "owner", group in leads)
        self.users[name] = user
        return user

    def add(self, type_name: str, *, user: str = "alice", group: str = "lab", **values: Any) -> Record:
        event = self.store.create(
            "Event",
            owner=None,
            group=None,
            event=None,
            time=NOON,
            experimenter=self.users[user],
            experimenterGroup=self.groups[group],
        )
        return self.store.create(type_name, owner=self.users[user], group=self.groups[group], event=event, **values)

    def add_image(self, name: str, *channels: str, dataset: Record | None = None, **where: Any) -> Record:
        image = self.add("Image", name=name, acquisitionDate=NOON, archived=False, **where)
        pixels = self.add(
            "Pixels",
            image=image,
            sizeX=64,
            sizeY=32,
            sizeZ=5,
            sizeC=len(channels),
            sizeT=1,
            pixelsType=self.store.enumeration("PixelsType", "uint16"),
            dimensionOrder=self.store.enumeration("DimensionOrder", "XYZCT"),
            physicalSizeX=Quantity("Length", 0.5, "MICROMETER"),
            **where,
        )
        for channel in channels:
            logical = self.add("LogicalChannel", name=channel, **where)
            self.add("Channel", pixels=pixels, logicalChannel=logical, red=255, **where)
        if dataset is not None:
            self.add("DatasetImageLink", parent=dataset, child=image, **where)
        return image


def make_database() -> Database:
    """A new one, in memory; nothing in it is shared between tests."""
    base = Database(Store())
    base.add_group("system", READ_ONLY, id=0)
    base.add_group("user", READ_ONLY, id=1)
    base.add_group("lab", READ_ANNOTATE)
    base.add_group("private", PRIVATE)
    base.add_group("shared", READ_WRITE)
    base.add_group("readonly", READ_ONLY)
    groups = ("user", "lab", "private", "shared", "readonly")
    base.add_user("root", "system", "user")
    base.add_user("alice", *groups)
    base.add_user("bob", *groups)
    base.add_user("leader", *groups, leads=groups)
    base.add_user("stranger", "user")
    objects = base.objects
    objects["project"] = base.add("Project", name="Project")
    objects["dataset"] = base.add("Dataset", name="Cells", description="fixed cells")
    objects["empty"] = base.add("Dataset", name="Empty")
    base.add("ProjectDatasetLink", parent=objects["project"], child=objects["dataset"])
    objects["fileset"] = base.add("Fileset", templatePrefix="alice_1/2026/")
    objects["one"] = base.add_image("b one.tif", "DAPI", "GFP", dataset=objects["dataset"])
    objects["two"] = base.add_image("a two.tif", "DAPI", dataset=objects["dataset"])
    objects["orphan"] = base.add_image("C orphan.tif")
    base.store.assign(objects["one"], "fileset", objects["fileset"])
    objects["bobs"] = base.add_image("bobs.tif", "DAPI", user="bob")
    objects["secret"] = base.add_image("secret.tif", "DAPI", user="bob", group="private")
    objects["order"] = base.add(
        "MapAnnotation", ns=TOKEN_NAMESPACE, mapValue=[NamedValue("UUID", "6c1a"), NamedValue("User", "alice")]
    )
    objects["tag"] = base.add("TagAnnotation", textValue="mitosis")
    base.add("ImageAnnotationLink", parent=objects["one"], child=objects["order"])
    base.add("ImageAnnotationLink", parent=objects["one"], child=objects["tag"])
    base.add("ImageAnnotationLink", parent=objects["two"], child=objects["tag"])
    return base
