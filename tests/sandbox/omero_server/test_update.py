"""Saving objects: what is written, what is refused, and that a call is done as a whole or not at all."""

from __future__ import annotations

import omero
import omero.model
import pytest
from omero.gateway import BlitzGateway, DatasetWrapper, MapAnnotationWrapper
from omero.rtypes import rlong, rstring, unwrap

from tests.sandbox.omero_server.conftest import Login


def dataset_named(name: str | None, **values: str) -> omero.model.DatasetI:
    dataset = omero.model.DatasetI()
    dataset.name = None if name is None else rstring(name)
    for field, value in values.items():
        setattr(dataset, field, rstring(value))
    return dataset


def count(gateway: BlitzGateway, name: str) -> int:
    parameters = omero.sys.ParametersI().addString("name", name)
    rows = gateway.getQueryService().projection("select count(d) from Dataset d where d.name = :name", parameters)
    return int(unwrap(rows[0][0]))


@pytest.fixture
def alice(login: Login) -> BlitzGateway:
    return login("alice", "read-annotate")


def test_create_link_annotate_query_delete(alice: BlitzGateway) -> None:
    project = omero.model.ProjectI()
    project.name = rstring("project")
    project.linkDataset(dataset_named("in project"))
    project = alice.getUpdateService().saveAndReturnObject(project)
    [dataset] = alice.getObject("Project", project.id.val).listChildren()
    annotation = MapAnnotationWrapper(alice)
    annotation.setNs("tests")
    annotation.setValue([["order", "17"], ["colour", "grün"]])
    dataset.linkAnnotation(annotation)
    [read] = alice.getObject("Dataset", dataset.getId()).listAnnotations("tests")
    assert read.getValue() == [("order", "17"), ("colour", "grün")]
    alice.deleteObjects("Project", [project.id.val], deleteAnns=True, deleteChildren=True, wait=True)
    assert alice.getObject("Dataset", dataset.getId()) is None
    assert alice.getObject("MapAnnotation", read.getId()) is None


def test_a_call_that_fails_writes_nothing(alice: BlitzGateway) -> None:
    bad = omero.model.DatasetImageLinkI()
    bad.setParent(dataset_named("half"))
    bad.setChild(omero.model.ImageI(rlong(10**9), False))
    with pytest.raises(omero.ValidationException):
        alice.getUpdateService().saveArray([dataset_named("half"), bad])
    assert count(alice, "half") == 0


def test_a_link_exists_once_whichever_end_has_more(alice: BlitzGateway) -> None:
    update = alice.getUpdateService()
    shared = update.saveAndReturnObject(omero.model.TagAnnotationI())
    datasets = update.saveAndReturnArray([dataset_named("linked") for _ in range(3)])
    tags = [shared, *update.saveAndReturnArray([omero.model.TagAnnotationI() for _ in range(3)])]

    def link(dataset: omero.model.DatasetI, tag: omero.model.TagAnnotationI) -> omero.model.DatasetAnnotationLinkI:
        made = omero.model.DatasetAnnotationLinkI()
        made.setParent(omero.model.DatasetI(dataset.id, False))
        made.setChild(omero.model.TagAnnotationI(tag.id, False))
        return made

    update.saveArray([link(dataset, shared) for dataset in datasets])
    update.saveArray([link(datasets[0], tag) for tag in tags[1:]])
    for dataset, tag in [(datasets[1], shared), (datasets[0], tags[2]), (datasets[0], shared)]:
        with pytest.raises(omero.ValidationException):
            update.saveArray([link(dataset, tag)])
    update.saveArray([link(datasets[1], tags[1])])


def test_null_overwrites(alice: BlitzGateway) -> None:
    update = alice.getUpdateService()
    saved = update.saveAndReturnObject(dataset_named("described", description="long"))
    saved.description = None
    update.saveObject(saved)
    assert alice.getQueryService().get("Dataset", saved.id.val).description is None


def test_an_unloaded_object_is_only_a_reference(alice: BlitzGateway) -> None:
    saved = alice.getUpdateService().saveAndReturnObject(dataset_named("kept"))
    alice.getUpdateService().saveObject(omero.model.DatasetI(saved.id.val, False))
    assert alice.getQueryService().get("Dataset", saved.id.val).name.val == "kept"


def test_new_objects_know_owner_group_and_event(alice: BlitzGateway) -> None:
    saved = alice.getUpdateService().saveAndReturnObject(dataset_named("owned"))
    wrapper = DatasetWrapper(
        alice,
        alice.getQueryService().findByQuery(
            "select d from Dataset d join fetch d.details.owner join fetch d.details.group "
            "join fetch d.details.creationEvent where d.id = :id",
            omero.sys.ParametersI().addId(saved.id.val),
        ),
    )
    assert (wrapper.getDetails().getOwner().omeName, wrapper.getDetails().getGroup().name) == ("alice", "read-annotate")
    assert wrapper.getDate() is not None


def test_saving_again_what_did_not_change_keeps_the_update_event(alice: BlitzGateway) -> None:
    update, query = alice.getUpdateService(), alice.getQueryService()
    saved = update.saveAndReturnObject(dataset_named("same"))
    before = query.get("Dataset", saved.id.val).details.updateEvent.id.val
    update.saveObject(saved)
    assert query.get("Dataset", saved.id.val).details.updateEvent.id.val == before
    saved.name = rstring("other")
    update.saveObject(saved)
    assert query.get("Dataset", saved.id.val).details.updateEvent.id.val > before


def test_anothers_unchanged_object_may_be_in_the_graph(alice: BlitzGateway, login: Login) -> None:
    theirs = alice.getUpdateService().saveAndReturnObject(dataset_named("alice's"))
    bob = login("bob", "read-annotate")
    loaded = bob.getQueryService().get("Dataset", theirs.id.val)
    link = omero.model.DatasetAnnotationLinkI()
    link.setParent(loaded)
    link.setChild(omero.model.CommentAnnotationI())
    bob.getUpdateService().saveObject(link)
    loaded.name = rstring("bob was here")
    with pytest.raises(omero.SecurityViolation):
        bob.getUpdateService().saveObject(loaded)


def test_the_same_link_is_made_once(alice: BlitzGateway) -> None:
    update = alice.getUpdateService()
    dataset = update.saveAndReturnObject(dataset_named("linked"))
    tag = update.saveAndReturnObject(omero.model.TagAnnotationI())

    def link() -> omero.model.DatasetAnnotationLinkI:
        made = omero.model.DatasetAnnotationLinkI()
        made.setParent(dataset.proxy())
        made.setChild(tag.proxy())
        return made

    update.saveObject(link())
    with pytest.raises(omero.ValidationException):
        update.saveObject(link())


def test_experimenters_are_not_made_by_saving(login: Login) -> None:
    user = omero.model.ExperimenterI()
    user.omeName = user.firstName = user.lastName = rstring("mallory")
    for name in ("alice", "importer"):
        with pytest.raises(omero.SecurityViolation):
            login(name).getUpdateService().saveObject(user)


def test_plates_are_seen_with_their_wells(alice: BlitzGateway) -> None:
    plate = omero.model.PlateI()
    plate.name = rstring("plate")
    for row in range(2):
        for column in range(3):
            well = omero.model.WellI()
            well.row, well.column = omero.rtypes.rint(row), omero.rtypes.rint(column)
            sample = omero.model.WellSampleI()
            image = omero.model.ImageI()
            image.name = rstring(f"{row}-{column}")
            sample.image = image
            well.addWellSample(sample)
            plate.addWell(well)
    saved = alice.getUpdateService().saveAndReturnObject(plate)
    wrapper = alice.getObject("Plate", saved.id.val)
    assert wrapper.getGridSize() == {"rows": 2, "columns": 3}
    names = {(w.row, w.column): w.getImage().getName() for row in wrapper.getWellGrid() for w in row if w is not None}
    assert names == {(row, column): f"{row}-{column}" for row in range(2) for column in range(3)}
    alice.deleteObjects("Plate", [saved.id.val], deleteChildren=True, wait=True)
    assert not list(alice.getObjects("Image", attributes={"name": "1-2"}))
