"""Deleting and moving: what goes along, what stays, what is refused."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Mapping
from typing import Any

import omero
import omero.cmd
import omero.model
import pytest
from omero.gateway import BlitzGateway
from omero.rtypes import rstring

from blocks.server_command import callback_of
from tests.sandbox.omero_server.conftest import Login


def run(gateway: BlitzGateway, request: Any) -> Any:
    """The response of a request, failures included."""
    handle = gateway.c.sf.submit(request, gateway.SERVICE_OPTS)
    with callback_of(gateway.c, handle) as callback:
        return callback.loop(60, 500)


def delete(gateway: BlitzGateway, targets: Mapping[str, list[int]], **options: Any) -> Any:
    return run(gateway, omero.cmd.Delete2(targetObjects=dict(targets), **options))


def save(gateway: BlitzGateway, type_name: str, /, **fields: Any) -> Any:
    """A new object of the class with the fields; texts are wrapped."""
    made = getattr(omero.model, type_name + "I")()
    for field, value in fields.items():
        setattr(made, field, rstring(value) if isinstance(value, str) else value)
    return gateway.getUpdateService().saveAndReturnObject(made)


def link(gateway: BlitzGateway, name: str, parent: Any, child: Any) -> None:
    save(gateway, name, parent=parent.proxy(), child=child.proxy())


def is_there(gateway: BlitzGateway, record: Any) -> bool:
    return gateway.getQueryService().find(type(record).__name__[:-1], record.id.val, {"omero.group": "-1"}) is not None


@pytest.fixture
def alice(login: Login) -> BlitzGateway:
    return login("alice", "read-write")


def test_nothing_is_kept_of_a_command_that_ended(alice: BlitzGateway) -> None:
    """A night sends tens of thousands, and OMERO.web runs for months."""
    comment = save(alice, "CommentAnnotation", textValue="c")
    handle = alice.c.sf.submit(omero.cmd.Delete2(targetObjects={"CommentAnnotation": [comment.id.val]}))
    with callback_of(alice.c, handle) as callback:
        callback.loop(60, 500)
        event = weakref.ref(callback.event)
    del callback
    gc.collect()
    assert event() is None


def test_a_dataset_goes_with_its_images_and_comments(alice: BlitzGateway) -> None:
    dataset, image = save(alice, "Dataset", name="d"), save(alice, "Image", name="i")
    link(alice, "DatasetImageLink", dataset, image)
    comment = save(alice, "CommentAnnotation", textValue="c")
    link(alice, "ImageAnnotationLink", image, comment)
    response = delete(alice, {"Dataset": [dataset.id.val]})
    assert response.deletedObjects["ome.model.core.Image"] == [image.id.val]
    assert not any(is_there(alice, record) for record in (dataset, image, comment))


def test_an_image_in_two_datasets_stays_in_the_other(alice: BlitzGateway) -> None:
    first, second, image = (
        save(alice, "Dataset", name="1"),
        save(alice, "Dataset", name="2"),
        save(alice, "Image", name="i"),
    )
    link(alice, "DatasetImageLink", first, image)
    link(alice, "DatasetImageLink", second, image)
    delete(alice, {"Dataset": [first.id.val]})
    assert is_there(alice, image)
    delete(alice, {"Dataset": [second.id.val]})
    assert not is_there(alice, image)


def test_children_are_kept_on_request(alice: BlitzGateway) -> None:
    dataset, image = save(alice, "Dataset", name="d"), save(alice, "Image", name="i")
    link(alice, "DatasetImageLink", dataset, image)
    keep = omero.cmd.graphs.ChildOption(excludeType=["Image"])
    delete(alice, {"Dataset": [dataset.id.val]}, childOptions=[keep])
    assert is_there(alice, image)
    assert not is_there(alice, dataset)


def test_a_dry_run_tells_and_deletes_nothing(alice: BlitzGateway) -> None:
    dataset = save(alice, "Dataset", name="d")
    response = delete(alice, {"Dataset": [dataset.id.val]}, dryRun=True)
    assert response.deletedObjects == {"ome.model.containers.Dataset": [dataset.id.val]}
    assert is_there(alice, dataset)


def test_images_of_one_fileset_go_together(alice: BlitzGateway) -> None:
    fileset = save(alice, "Fileset", templatePrefix="x")
    images = [save(alice, "Image", name="i", fileset=fileset.proxy()) for _ in range(2)]
    response = delete(alice, {"Image": [images[0].id.val]})
    assert isinstance(response, omero.cmd.GraphException)
    assert f"Fileset[{fileset.id.val}]" in response.message
    assert all(is_there(alice, image) for image in images)
    delete(alice, {"Image": [image.id.val for image in images]})
    assert not any(is_there(alice, record) for record in (*images, fileset))


def test_a_fileset_goes_with_its_images(alice: BlitzGateway) -> None:
    fileset = save(alice, "Fileset", templatePrefix="x")
    image = save(alice, "Image", name="i", fileset=fileset.proxy())
    delete(alice, {"Fileset": [fileset.id.val]})
    assert not any(is_there(alice, record) for record in (image, fileset))


def test_an_attachment_goes_with_its_last_image(alice: BlitzGateway, server: Any) -> None:
    image = save(alice, "Image", name="i")
    file = alice.createFileAnnfromLocalFile(__file__, mimetype="text/plain", ns="tests")
    link(alice, "ImageAnnotationLink", image, file._obj)
    original = file.getFile()._obj
    place = server.files_root / str(original.id.val)
    assert place.exists()
    delete(alice, {"Image": [image.id.val]})
    assert not is_there(alice, original)
    assert not place.exists()


def test_somebody_elses_tag_stays(alice: BlitzGateway, login: Login) -> None:
    tag = save(login("bob", "read-write"), "TagAnnotation", textValue="bob's")
    image = save(alice, "Image", name="i")
    link(alice, "ImageAnnotationLink", image, tag)
    delete(alice, {"Image": [image.id.val]})
    assert is_there(alice, tag)


@pytest.mark.parametrize("targets", [{}, {"Image": [10**9]}], ids=["nothing", "nothing that is there"])
def test_deleting_nothing_is_an_error(targets: dict[str, list[int]], alice: BlitzGateway) -> None:
    response = delete(alice, targets)
    assert isinstance(response, omero.cmd.ERR)
    assert response.category == "::omero::cmd::Delete2"
    assert response.parameters["message"]


def test_a_request_finds_its_targets_in_every_group_of_the_caller(login: Login) -> None:
    dataset = save(login("alice", "read-only"), "Dataset", name="elsewhere")
    alice = login("alice", "private")
    delete(alice, {"Dataset": [dataset.id.val]})
    assert not is_there(alice, dataset)


def test_a_plate_goes_with_its_wells_and_images(alice: BlitzGateway) -> None:
    screen, plate = save(alice, "Screen", name="s"), save(alice, "Plate", name="p")
    link(alice, "ScreenPlateLink", screen, plate)
    image = save(alice, "Image", name="i")
    well = save(alice, "Well", plate=plate.proxy())
    run_ = save(alice, "PlateAcquisition", plate=plate.proxy())
    sample = save(alice, "WellSample", well=well.proxy(), image=image.proxy(), plateAcquisition=run_.proxy())
    delete(alice, {"Screen": [screen.id.val]})
    assert not any(is_there(alice, record) for record in (screen, plate, well, run_, sample, image))


# ---- moving


def test_objects_move_to_another_group_with_what_is_theirs(alice: BlitzGateway) -> None:
    dataset, image = save(alice, "Dataset", name="d"), save(alice, "Image", name="i")
    link(alice, "DatasetImageLink", dataset, image)
    comment = save(alice, "CommentAnnotation", textValue="c")
    link(alice, "ImageAnnotationLink", image, comment)
    group = alice.getAdminService().lookupGroup("private").id.val
    response = run(alice, omero.cmd.Chgrp2(targetObjects={"Image": [image.id.val]}, groupId=group))
    assert not isinstance(response, omero.cmd.ERR), response
    query = alice.getQueryService()
    for record in (image, comment):
        moved = query.get(type(record).__name__[:-1], record.id.val, {"omero.group": "-1"})
        assert moved.details.group.id.val == group
    assert "ome.model.containers.DatasetImageLink" in response.deletedObjects
    assert is_there(alice, dataset)


def test_objects_do_not_move_to_a_group_of_others(alice: BlitzGateway, login: Login) -> None:
    image = save(alice, "Image", name="i")
    group = login("importer").getAdminService().lookupGroup("outside").id.val
    response = run(alice, omero.cmd.Chgrp2(targetObjects={"Image": [image.id.val]}, groupId=group))
    assert isinstance(response, omero.cmd.ERR)


def test_several_requests_are_done_all_or_none(alice: BlitzGateway) -> None:
    image = save(alice, "Image", name="i")
    request = omero.cmd.DoAll(
        requests=[
            omero.cmd.Delete2(targetObjects={"Image": [image.id.val]}),
            omero.cmd.Delete2(targetObjects={"Image": [10**9]}),
        ]
    )
    assert isinstance(run(alice, request), omero.cmd.ERR)
    assert is_there(alice, image)


def test_an_unknown_request_is_refused_by_name(alice: BlitzGateway, server: Any) -> None:
    response = run(alice, omero.cmd.FindPyramids())
    assert isinstance(response, omero.cmd.ERR)
    assert "FindPyramids" in response.parameters["message"]
    assert "cmd.FindPyramids" in server.counts.unknown


def test_parents_and_children_are_found(alice: BlitzGateway) -> None:
    project, dataset, image = (
        save(alice, "Project", name="p"),
        save(alice, "Dataset", name="d"),
        save(alice, "Image", name="i"),
    )
    link(alice, "ProjectDatasetLink", project, dataset)
    link(alice, "DatasetImageLink", dataset, image)
    above = omero.cmd.FindParents(targetObjects={"Image": [image.id.val]}, typesOfParents=["Project", "Dataset"])
    up = run(alice, above)
    assert up.parents == {
        "ome.model.containers.Dataset": [dataset.id.val],
        "ome.model.containers.Project": [project.id.val],
    }
    down = run(alice, omero.cmd.FindChildren(targetObjects={"Project": [project.id.val]}, typesOfChildren=["Image"]))
    assert down.children == {"ome.model.core.Image": [image.id.val]}
