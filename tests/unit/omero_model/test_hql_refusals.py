"""What is not known is refused by name, before any row is read."""

from __future__ import annotations

import pytest

from sandbox.omero.hql import HqlError, find_all, project
from sandbox.omero.permissions import Caller
from sandbox.omero.store import Store
from tests.unit.omero_model.small_database import Database


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("select i.nmae from Image i", r"could not resolve property: nmae of: ome.model.core.Image \(in nmae\)"),
        ("from Image i where i.details.ownr.id = 1", "details have no property ownr"),
        ("from Imgae i", "Imgae is not mapped"),
        ("from IObject i", "IObject is not mapped"),
        ("from Details d", "Details is not mapped"),
        ("select x.name from Image i", "unknown alias or property x.name"),
        ("from Image i join i.nothing n", "could not resolve property: nothing"),
        ("from Image i join i.name n", "i.name is a plain value and cannot be joined"),
        ("from Image i join x.pixels p", "unknown alias or property x.pixels"),
        ("from Image i, Image i", "the alias i is used twice"),
        ("select sha1(i.name) from Image i", "the function sha1 is not known"),
        ("select lower(i.name, 1) from Image i", "lower does not take 2 arguments"),
        ("select cast(i.id as blob) from Image i", r"cast\(... as blob\) is not known"),
        ("select extract(millennium from i.acquisitionDate) from Image i", r"extract\(millennium from ...\)"),
        ("select i.pixels from Image i", "is a collection: join it"),
        ("select i.pixels.sizeX from Image i", "illegal attempt to dereference a collection"),
        ("select i.name.first from Image i", "a plain value has no property first"),
        ("from Image i where i.pixels = 1", "a collection and cannot be compared"),
        ("from Image i where i.name in elements(i.name)", "not a collection"),
        ("from Image i where i.name is empty", "not a collection"),
        ("from Image i where count(*) > 1", r"count\(\) is not allowed"),
        ("select max(count(i.id)) from Image i", r"count\(\) is not allowed"),
        ("from Image i having i.id > 1", "having needs groups"),
        ("select index(i) from Image i", "not an alias of a joined collection"),
        ("select index(l) from Image i join i.datasetLinks l", "has no order"),
        ("select maxIndex(i.datasetLinks) from Image i", "has no order"),
        ("from Image i where i.id = :id", "no value for the parameter :id"),
        ("from Image i where i.name < 5", "cannot be compared"),
        ("from Image i where i.name + 1 = 2", "not a calculation with numbers"),
        ("from Image i where i.id / 0 = 2", "division"),
        ("from Image i where lower(i.id) = 'x'", "is not a text"),
        ("from Image i where i.id like 'x'", "only texts"),
        ("from Image i where i.id = (select j.id from Image j)", "more than one row"),
        ("from Image i order by i.details", "has no order"),
        ("select type(i.name) from Image i", "has no class"),
        ("select e.details.owner.id from Experimenter e", "owner of the details of ome.model.meta.Experimenter"),
        ("select i.id from Image i, Dataset d where name = 'x'", "name could belong to i or to d"),
        ("select mv from MapAnnotation a join a.mapValue mv", "a named value: select its name"),
        ("from Image i where i.id = 1 and j.id = 2", "unknown alias or property j.id"),
    ],
)
def test_refusal(database: Database, query: str, message: str) -> None:
    with pytest.raises(HqlError, match=message):
        project(database.store, database.caller(), query, {})


def test_mistakes_are_found_in_an_empty_database() -> None:
    store = Store()
    group = store.create("ExperimenterGroup", owner=None, group=None, event=None, name="lab")
    user = store.create("Experimenter", owner=None, group=None, event=None, omeName="alice")
    with pytest.raises(HqlError, match="nmae"):
        project(store, Caller.of(store, user, group), "select i.name from Image i where i.nmae = 'x'", {})


def test_find_all_answers_with_objects_alone(database: Database) -> None:
    with pytest.raises(HqlError, match="selects values, not objects"):
        find_all(database.store, database.caller(), "select i.name from Image i", {})
