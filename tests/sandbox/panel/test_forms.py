"""Forms over HTTP: each rule is the server's, whatever a browser sends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from omero.gateway import BlitzGateway
from omero.model import DatasetI, ExperimenterGroupI, ExperimenterI, PermissionsI
from omero.rtypes import rbool, rstring, unwrap

from sandbox.site import Site
from tests.sandbox.panel.web_visitor import WebVisitor

FORMS = "/flows/forms/"
NASTY = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@dataclass(frozen=True)
class Ground:
    """A form of the admin, offered in lab-a for datasets, and a dataset of alice's in each group."""

    form: str
    shared: int
    private: int
    accounts: dict[str, BlitzGateway]

    def fill_in(self, dataset: int) -> str:
        return f"{FORMS}Dataset/{dataset}/fill-in/?{urlencode({'form': self.form})}"

    def key_values(self, dataset: int) -> list[tuple[str, str]]:
        return [
            tuple(pair)
            for annotation in self.accounts["lab-a"]
            .getObject("Dataset", dataset)
            .listAnnotations(ns=f"hms.harvard.edu/omero/forms/kvdata/{self.form}")
            for pair in annotation.getValue()
        ]


SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Test sample",
    "required": ["organism"],
    "additionalProperties": False,
    "properties": {
        "organism": {"type": "string", "title": "Organism", "minLength": 1},
        "passage": {"type": "integer", "title": "Passage", "minimum": 1},
    },
}


def design(schema: Any, **others: Any) -> dict[str, Any]:
    text = schema if isinstance(schema, str) else json.dumps(schema)
    return {"schema": text, "type": ["Dataset"], "message": "", "seen": ""} | others


def read_field(page: str, name: str) -> str:
    """The value of a hidden field."""
    return page.split(f'name="{name}" value="')[1].split('"')[0]


@pytest.fixture(scope="module")
def ground(site: Site, admin: WebVisitor) -> Iterator[Ground]:
    accounts = {}
    made = {}
    for group in ("lab-a", "lab-b"):
        host = f"tcp://127.0.0.1:{site.addresses.ports['omero_tcp']}"
        accounts[group] = BlitzGateway("alice", site.password("alice"), host=host, group=group)
        assert accounts[group].connect()
        dataset = DatasetI()
        dataset.setName(rstring(f"Forms {NASTY}"))
        made[group] = accounts[group].getUpdateService().saveAndReturnObject(dataset).id.val
    form = f"Test {uuid4().hex[:8]}"
    saved = admin.post(f"{FORMS}design/", design(SCHEMA, name=form))
    assert saved.status_code == 204, saved.text
    groups = dict(
        unwrap(accounts["lab-a"].getQueryService().projection("select g.name, g.id from ExperimenterGroup g", None))
    )
    assigned = admin.post(f"{FORMS}assign/", {"form": form, "group": str(groups["lab-a"]), "type": ["Dataset"]})
    assert assigned.status_code == 200 and "checked" in assigned.text
    yield Ground(form, made["lab-a"], made["lab-b"], accounts)
    for gateway in accounts.values():
        gateway.close()


def submit(visitor: WebVisitor, address: str, values: Any, *, csrf: bool = True, **others: str) -> tuple[int, str]:
    page = visitor.get(address).text
    fields = {name: read_field(page, name) for name in ("version", "seen", "token")} if 'name="token"' in page else {}
    text = values if isinstance(values, str) else json.dumps(values)
    answer = visitor.post(address, {**fields, "values": text, **others}, csrf=csrf)
    return answer.status_code, answer.text


def test_a_form_is_filled_in_told_on_the_object_and_remembered(
    ground: Ground, alice: WebVisitor, bob: WebVisitor
) -> None:
    """Bob, who may annotate what alice has in their common group, saves over her values; both are in the history."""
    address = ground.fill_in(ground.shared)
    assert submit(alice, address, {"organism": NASTY}) == (204, "")
    assert ground.key_values(ground.shared) == [("organism", NASTY)]
    page = alice.get(address).text
    token = {name: read_field(page, name) for name in ("version", "seen", "token")}
    assert submit(bob, address, {"organism": "mouse", "passage": 3}, message=f"because {NASTY}") == (204, "")
    assert ground.key_values(ground.shared) == [("organism", "mouse"), ("passage", "3")]

    late = alice.post(address, {**token, "values": json.dumps({"organism": "rat"})})
    assert late.status_code == 409 and "Somebody else saved" in late.text
    page = alice.get(address).text
    assert "Bob Bauer" in page and "Alice Arber" in page and "3" in page
    assert "<script>alert" not in page and "<img src=x" not in page
    again = {name: read_field(page, name) for name in ("version", "seen", "token")}
    for _ in range(2):  # a double click
        sent = alice.post(address, {**again, "values": json.dumps({"organism": "rat"})})
        assert sent.status_code == 204
    assert alice.get(address).text.count("<li>\n        <p><strong>") == 3


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "Organism</strong>: It is missing."),
        ({"organism": ""}, "Organism</strong>: It is empty."),
        ({"organism": "x", "passage": 0}, "Passage</strong>: 0 is less than 1."),
        ({"organism": "x", "other": NASTY}, "The form does not know this field."),
        ({"organism": "a\0b"}, "It has a NUL character."),
        ("[1]", "It is no JSON object."),
        ("{", "It is no JSON"),
        ('{"organism": NaN}', "It is no JSON"),
    ],
)
def test_values_that_do_not_fit_are_refused_in_words(ground: Ground, alice: WebVisitor, values: Any, told: str) -> None:
    before = ground.key_values(ground.shared)
    status, text = submit(alice, ground.fill_in(ground.shared), values)
    assert (status, told in text, "<img" in text) == (422, True, False), text
    assert ground.key_values(ground.shared) == before


def test_who_may_not_finds_nothing(
    ground: Ground, alice: WebVisitor, bob: WebVisitor, admin: WebVisitor, stranger: WebVisitor
) -> None:
    assert bob.get(f"{FORMS}Dataset/{ground.private}/").status_code == 404
    assert submit(bob, ground.fill_in(ground.private), {"organism": "x"})[0] == 404
    assert submit(alice, ground.fill_in(ground.private), {"organism": "x"})[0] == 404, (
        "the form is not offered in lab-b"
    )
    for address in ("Well/1/", "Experimenter/0/", "Dataset/999999999/", f"Dataset/{ground.shared}/fill-in/?form=none"):
        assert alice.get(FORMS + address).status_code == 404, address
    assert alice.get(f"{ground.fill_in(ground.shared)}&from=Dataset-{10**30}").status_code == 404
    assert alice.get(f"{ground.fill_in(ground.shared)}&from=Experimenter-0").status_code == 404
    for address in ("", f"Dataset/{ground.shared}/", "design/"):
        assert stranger.get(FORMS + address).status_code == 302
    for address in ("design/", "design/check/"):
        assert alice.post(FORMS + address, design(SCHEMA, name="mine")).status_code == 404
    assert alice.get(f"{FORMS}design/").status_code == 404
    assert alice.post(f"{FORMS}assign/", {"form": ground.form, "group": "0", "type": "Dataset"}).status_code == 404
    assert submit(alice, ground.fill_in(ground.shared), {"organism": "x"}, csrf=False)[0] == 403
    assert admin.post(f"{FORMS}design/", design(SCHEMA, name="mine"), csrf=False).status_code == 403
    assert admin.post(f"{FORMS}assign/", {"form": ground.form, "group": "77777", "type": "Dataset"}).status_code == 404


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (design("{"), "Line 1, column 2"),
        (design({"type": "object"}), "It describes no fields."),
        (design(SCHEMA | {"$ref": "http://127.0.0.1:1/x"}), "It refers to"),
        (design({"type": "object", "properties": {"a": {"pattern": "("}}}), "no regular expression"),
        (design(SCHEMA, name="a/b"), "Choose another name"),
        (design(SCHEMA, type=[]), "No type of object is chosen."),
        (design(SCHEMA, type=["Experimenter"]), "No type of object is chosen."),
    ],
)
def test_a_form_that_is_wrong_is_not_saved(admin: WebVisitor, sent: dict[str, Any], told: str) -> None:
    answer = admin.post(f"{FORMS}design/", {"name": f"Wrong {uuid4().hex[:8]}"} | sent)
    assert answer.status_code == 422 and told in answer.text, answer.text


@pytest.fixture
def owner(site: Site) -> Iterator[tuple[WebVisitor, int]]:
    """An account that owns a group of its own and is a member of lab-a; both groups' rights are OMERO's alone."""
    root = BlitzGateway("root", site.password("root"), host=site.omero_tcp)
    assert root.connect()
    service, name = root.getAdminService(), f"owner-{uuid4().hex[:8]}"
    try:
        group = ExperimenterGroupI()
        group.setName(rstring(name))
        group.setLdap(rbool(False))
        group.details.permissions = PermissionsI("rwra--")
        own = service.createGroup(group)
        person = ExperimenterI()
        for set_field in (person.setOmeName, person.setFirstName, person.setLastName):
            set_field(rstring(name))
        person.setLdap(rbool(False))
        groups = [ExperimenterGroupI(own, False), service.lookupGroup("lab-a"), service.lookupGroup("user")]
        made = service.createExperimenterWithPassword(person, rstring("secret"), groups[0], groups[1:])
        service.setGroupOwner(groups[0], ExperimenterI(made, False))
    finally:
        root.close()
    with WebVisitor(site, name, "secret") as visitor:
        yield visitor, own


def test_an_owner_of_a_group_designs_and_offers_in_that_group_alone(
    ground: Ground, owner: tuple[WebVisitor, int], admin: WebVisitor
) -> None:
    visitor, own = owner
    form = f"Owned {uuid4().hex[:8]}"
    assert visitor.post(f"{FORMS}design/", design(SCHEMA, name=form)).status_code == 204
    offered = visitor.post(f"{FORMS}assign/", {"form": form, "group": str(own), "type": ["Dataset"]})
    assert offered.status_code == 200 and "checked" in offered.text
    groups = (
        ground.accounts["lab-a"]
        .getQueryService()
        .projection("select g.id from ExperimenterGroup g where g.name = 'lab-a'", None)
    )
    lab_a = str(unwrap(groups)[0][0])
    assert visitor.post(f"{FORMS}assign/", {"form": form, "group": lab_a, "type": ["Dataset"]}).status_code == 404
    # Another's form may be offered in one's own group, and not be changed.
    theirs = f"{FORMS}design/?{urlencode({'form': ground.form})}"
    assert "New form" in visitor.get(FORMS).text
    assert visitor.post(theirs, design(SCHEMA, seen="")).status_code == 403
    assert admin.post(f"{FORMS}assign/", {"form": form, "group": lab_a, "type": []}).status_code == 200
    assert visitor.get("/flows/admin/").status_code == 404


def test_versions_are_kept_told_in_words_and_asked_for(ground: Ground, admin: WebVisitor, alice: WebVisitor) -> None:
    address = f"{FORMS}design/?{urlencode({'form': ground.form})}"
    seen = read_field(admin.get(address).text, "seen")
    filling = alice.get(ground.fill_in(ground.shared)).text
    old = {name: read_field(filling, name) for name in ("version", "seen", "token")}
    changed = SCHEMA | {"properties": SCHEMA["properties"] | {"day": {"type": "string", "title": f"Day {NASTY}"}}}
    assert "is new." in admin.post(address.replace("design/", "design/check/"), design(changed)).text
    assert admin.post(address, design(changed, seen=seen, message="a day")).status_code == 204
    late = admin.post(address, design(SCHEMA, seen=seen))
    assert late.status_code == 409 and "newer version" in late.text
    page = admin.get(address).text
    assert "Version 2" in page and "Version 1" in page and "a day" in page and "<img src=x" not in page
    stale = alice.post(ground.fill_in(ground.shared), {**old, "values": json.dumps({"organism": "x"})})
    assert stale.status_code == 409 and "newer version" in stale.text
