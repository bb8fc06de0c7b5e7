"""What queries answer, construct by construct, and Hibernate's rules that clients rely on."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.omero.records import Milliseconds, NamedValue
from tests.unit.omero_model.hql_rows import column, objects, rows
from tests.unit.omero_model.small_database import NOON, Database

NAMES = "select i.name from Image i "
ALL = ["b one.tif", "a two.tif", "C orphan.tif", "bobs.tif"]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("", ALL),
        ("where i.id = 1", ["b one.tif"]),
        ("where i = 1", ["b one.tif"]),
        ("where id = 2", ["a two.tif"]),
        ("where i.id in (1, 2, 99)", ["b one.tif", "a two.tif"]),
        ("where i.id not in (1, 2)", ["C orphan.tif", "bobs.tif"]),
        ("where i.name like '%one%'", ["b one.tif"]),
        ("where i.name like '_ %.tif'", ALL[:3]),
        ("where i.name not like '%tif'", []),
        ("where lower(i.name) = 'c orphan.tif'", ["C orphan.tif"]),
        ("where i.name = 'x' or i.id > 3", ["bobs.tif"]),
        ("where i.id between 2 and 3", ["a two.tif", "C orphan.tif"]),
        ("where i.id not between 2 and 3", ["b one.tif", "bobs.tif"]),
        ("where i.fileset is null", ALL[1:]),
        ("where i.fileset is not null", ALL[:1]),
        ("where i.fileset = null", ALL[1:]),
        ("where i.archived = false and not i.id = 1", ALL[1:]),
        ("where i.series = 1", []),
        ("where not i.series = 1", []),  # null is neither
        ("where i.series = 1 or i.series is null", ALL),
        ("where i.details.owner.id = 3", ["bobs.tif"]),
        ("where i.details.owner.omeName = 'bob'", ["bobs.tif"]),
        ("where i.pixels is empty", []),
        ("where i.datasetLinks is not empty", ALL[:2]),
        ("where size(i.datasetLinks) = 0", ALL[2:]),
        ("where i.datasetLinks.size = 1", ALL[:2]),
        ("where exists (select l from DatasetImageLink l where l.child = i)", ALL[:2]),
        ("where not exists (from DatasetImageLink l where l.child.id = i.id)", ALL[2:]),
        ("where exists (from i.datasetLinks l where l.parent.name = 'Cells')", ALL[:2]),
        ("where i.id in (select l.child.id from DatasetImageLink l)", ALL[:2]),
        ("where i not in (select l.child from DatasetImageLink l)", ALL[2:]),
        ("where exists elements(i.datasetLinks)", ALL[:2]),
        ("where i.id >= all (select j.id from Image j)", ["bobs.tif"]),
        ("where i.id = any (select l.child.id from DatasetImageLink l)", ALL[:2]),
        ("where i.id = (select max(j.id) from Image j)", ["bobs.tif"]),
        ("where (select count(*) from DatasetImageLink l where l.child.id = i.id) = 1", ALL[:2]),
        ("where i.id % 2 = 0 and i.id * 2 - 1 > 3", ["bobs.tif"]),
        ("where length(i.name) = 8 and substring(i.name, 1, 3) = 'bob'", ["bobs.tif"]),
        ("where i.name || '!' = concat('bobs.tif', '!')", ["bobs.tif"]),
        ("where i.acquisitionDate = :noon", ALL),
        ("where i.acquisitionDate > :noon", []),
        ("where extract(epoch from i.acquisitionDate) = 1795435200", ALL),
        ("where year(i.acquisitionDate) = 2026 and extract(hour from i.acquisitionDate) = 12", ALL),
        ("where cast(i.id as string) = '4'", ["bobs.tif"]),
        ("where case when i.id = 4 then 'yes' else 'no' end = 'yes'", ["bobs.tif"]),
        ("where case i.id when 1 then true end = true", ["b one.tif"]),
        ("where coalesce(i.description, i.name) = 'bobs.tif'", ["bobs.tif"]),
        ("where nullif(i.name, 'bobs.tif') is null", ["bobs.tif"]),
        ("where i.id in (:ids)", ["b one.tif", "C orphan.tif"]),
        ("where i.id in :ids", ["b one.tif", "C orphan.tif"]),
        ("where i.id in (:none)", []),
        ("where i.name = :nothing", []),
    ],
)
def test_where(database: Database, where: str, expected: list[str]) -> None:
    assert column(database, NAMES + where, noon=NOON, ids=[1, 3], none=[], nothing=None) == expected


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("i.name", ["C orphan.tif", "a two.tif", "b one.tif", "bobs.tif"]),
        ("lower(i.name), i.id", ["a two.tif", "b one.tif", "bobs.tif", "C orphan.tif"]),
        ("i.id desc", ALL[::-1]),
        ("i.fileset.id, i.id desc", ["b one.tif", "bobs.tif", "C orphan.tif", "a two.tif"]),
        ("i.fileset.id desc, i.id", ["a two.tif", "C orphan.tif", "bobs.tif", "b one.tif"]),
    ],
)
def test_order_with_nulls_as_in_postgresql(database: Database, order: str, expected: list[str]) -> None:
    assert column(database, f"{NAMES} order by {order}") == expected


def test_pages_are_cut_after_ordering(database: Database) -> None:
    assert column(database, NAMES + "order by i.id desc", 1, 2) == ["C orphan.tif", "a two.tif"]
    assert column(database, NAMES + "order by i.id", 3) == ["bobs.tif"]
    assert [image.id for image in objects(database, "from Image i order by i.id", None, 2)] == [1, 2]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("select count(*) from Image", [[4]]),
        ("select count(id) from Image as obj", [[4]]),
        (
            "select count(i.fileset.id), max(i.id), min(i.name), sum(i.id), avg(i.id) from Image i",
            [[1, 4, "C orphan.tif", 10, 2.5]],
        ),
        ("select count(*), max(i.id) from Image i where i.id = 99", [[0, None]]),
        ("select count(distinct l.parent) from DatasetImageLink l", [[1]]),
        (
            "select l.parent.id, count(l.id) from ImageAnnotationLink l group by l.parent.id order by count(l.id) desc",
            [[1, 2], [2, 1]],
        ),
        ("select l.parent.id from ImageAnnotationLink l group by l.parent.id having count(*) > 1", [[1]]),
        (
            "select count(l) as number, l.child.id from ImageAnnotationLink l group by l.child.id order by number",
            [[1, 1], [2, 2]],
        ),
        ("select sum(case when a.class = TagAnnotation then 1 else 0 end) from Annotation a", [[1]]),
        ("select max(i.id) + count(*) from Image i", [[8]]),
        ("select lower(min(i.name)) from Image i", [["c orphan.tif"]]),
    ],
)
def test_aggregates(database: Database, query: str, expected: list[list[Any]]) -> None:
    assert rows(database, query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            "select d.name, i.name from Dataset d join d.imageLinks l join l.child i",
            [["Cells", "b one.tif"], ["Cells", "a two.tif"]],
        ),
        (
            "select d.name, i.id from Dataset d left outer join d.imageLinks l left outer join l.child i",
            [["Cells", 1], ["Cells", 2], ["Empty", None]],
        ),
        (
            "select d.name, i.name from Dataset d, DatasetImageLink l, Image i where l.parent = d and l.child = i.id",
            [["Cells", "b one.tif"], ["Cells", "a two.tif"]],
        ),
        (
            "select d.name, i.name from Dataset d, in(d.imageLinks) l join l.child i",
            [["Cells", "b one.tif"], ["Cells", "a two.tif"]],
        ),
        (
            "select d.name, l.id from Dataset d left join d.imageLinks l with l.child.id = 2",
            [["Cells", 2], ["Empty", None]],
        ),
        (
            "select p.name, i.id from Project p join p.datasetLinks pl join pl.child d "
            "join d.imageLinks l join l.child i "
            "where i.id = 2",
            [["Project", 2]],
        ),
        ("select child.name from DatasetImageLink where parent.id = 1", [["b one.tif"], ["a two.tif"]]),
        ("select distinct d.name from Dataset d join d.imageLinks", [["Cells"]]),
        (
            "select i.id, fs.templatePrefix from Image i left join i.fileset fs where i.id < 3",
            [[1, "alice_1/2026/"], [2, None]],
        ),
        ("select a.id from Image i join i.annotationLinks.child a where i.id = 2", None),
    ],
)
def test_joins(database: Database, query: str, expected: list[list[Any]] | None) -> None:
    if expected is None:
        with pytest.raises(Exception, match="illegal attempt to dereference a collection"):
            rows(database, query)
    else:
        assert rows(database, query) == expected


def test_walking_through_a_reference_is_an_inner_join(database: Database) -> None:
    """`i.fileset.templatePrefix` drops images without a fileset, wherever it stands; `i.fileset.id` does not."""
    assert column(database, "select i.fileset.templatePrefix from Image i") == ["alice_1/2026/"]
    assert column(database, NAMES + "where i.fileset.templatePrefix like 'alice%' or i.id = 2") == ["b one.tif"]
    assert column(database, NAMES + "order by i.fileset.templatePrefix") == ["b one.tif"]
    assert column(database, "select i.fileset from Image i") == ["Fileset:1"]
    assert column(database, "select i.fileset.id from Image i") == [1, None, None, None]
    assert column(database, "select count(*) from Image i where i.fileset.id = 1 or i.id = 2") == [2]


def test_subclasses_are_reached_through_their_superclass(database: Database) -> None:
    assert column(database, "select a.textValue from Annotation a") == [None, "mitosis"]
    assert column(database, "select type(a) from Annotation a order by a.id desc") == [
        "ome.model.annotations.TagAnnotation",
        "ome.model.annotations.MapAnnotation",
    ]
    assert column(database, "select a.id from Annotation a where a.class = TagAnnotation") == [2]
    assert column(database, "select a.id from Annotation a where type(a) in (TagAnnotation, FileAnnotation)") == [2]
    assert column(
        database, "select a.class from TagAnnotation a where a.class = 'ome.model.annotations.TagAnnotation'"
    ) == ["ome.model.annotations.TagAnnotation"]
    assert column(database, "select a.id from ome.model.annotations.MapAnnotation a") == [1]


def test_named_values_are_joined_as_elements(database: Database) -> None:
    query = (
        "select i.id from Image i join i.annotationLinks l join l.child a join a.mapValue mv "
        "where a.ns = :ns and mv.name = :name and mv.value = :value"
    )
    assert column(database, query, ns="omero-flows/import", name="UUID", value="6c1a") == [1]
    assert column(database, query, ns="omero-flows/import", name="UUID", value="alice") == []
    assert column(database, "select mv.value from MapAnnotation a join a.mapValue mv") == ["6c1a", "alice"]
    assert column(database, "select size(a.mapValue) from MapAnnotation a") == [2]


def test_index_is_the_place_in_an_ordered_collection(database: Database) -> None:
    query = "select c.logicalChannel.name, index(c) from Image i join i.pixels p join p.channels c where i.id = 1"
    assert rows(database, query) == [["DAPI", 0], ["GFP", 1]]
    pixels = database.store.collection(database.objects["one"], "pixels")[0]
    database.store.arrange(pixels, "channels", database.store.collection(pixels, "channels")[::-1])
    assert rows(database, query) == [["GFP", 0], ["DAPI", 1]]
    assert rows(database, "select minIndex(p.channels), maxIndex(p.channels) from Pixels p where p.id = 1") == [[0, 1]]
    assert rows(database, "select minIndex(c), maxIndex(c) from Image i join i.pixels p join p.channels c") == [[0, 1]]
    default_group = (
        "select g.name from ExperimenterGroup g join g.groupExperimenterMap m "
        "where m.child.id = 2 and m.id = (select n.id from Experimenter e join e.groupExperimenterMap n "
        "where e.id = 2 and index(n) = 0)"
    )
    assert column(database, default_group) == ["user"]


def test_members_of_collections(database: Database) -> None:
    member = "select d.name from Dataset d, DatasetImageLink l where l member of d.imageLinks and l.id = 1"
    assert column(database, member) == ["Cells"]
    assert column(database, member.replace("member of d.imageLinks", "in elements(d.imageLinks)")) == ["Cells"]
    assert column(database, member.replace("member of", "not member of")) == ["Empty"]


def test_everyone_sees_their_own_view(database: Database) -> None:
    names = "select i.name from Image i"
    assert column(database, names, group="private") == []
    assert column(database, names, user="bob", group="private") == ["secret.tif"]
    assert column(database, names, all_groups=True) == ALL
    assert column(database, names, user="bob", all_groups=True) == [*ALL, "secret.tif"]
    assert column(database, names, user="leader", all_groups=True) == [*ALL, "secret.tif"]
    assert column(database, names, user="stranger", group="user", all_groups=True) == []
    assert column(database, "select count(*) from Image", user="stranger", group="user") == [0]


def test_unreadable_objects_are_not_reached_by_joins(database: Database) -> None:
    link = database.add(
        "ImageAnnotationLink",
        parent=database.objects["one"],
        child=database.add("CommentAnnotation", user="bob", group="private", textValue="secret"),
    )
    assert (
        column(
            database,
            "select a.id from ImageAnnotationLink l join l.child a where l.id = :id",
            all_groups=True,
            id=link.id,
        )
        == []
    )
    assert (
        column(database, "select l.child from ImageAnnotationLink l where l.id = :id", all_groups=True, id=link.id)
        == []
    )
    assert len(database.store.collection(database.objects["one"], "annotationLinks")) == 3


def test_parameters_may_be_objects(database: Database) -> None:
    query = "select l.child.id from DatasetImageLink l where l.parent = :dataset"
    assert column(database, query, dataset=database.objects["dataset"]) == [1, 2]
    assert column(database, query, dataset=1) == [1, 2]


def test_moments_of_parameters_are_plain_numbers_too(database: Database) -> None:
    assert column(database, "select count(*) from Event e where e.time <= :now", now=int(NOON)) != [0]
    assert column(database, "select count(*) from Event e where e.time < :now", now=Milliseconds(NOON)) == [0]


def test_share_of_the_webclients_tree(database: Database) -> None:
    """The tree's query for the images of a dataset, as OMERO.web sends it."""
    query = """
        select new map(image.id as id, image.name as name, image.details.owner.id as ownerId,
                       image as image_details_permissions, image.fileset.id as filesetId)
        from Image image join image.datasetLinks dlink
        where dlink.parent.id = :did order by lower(image.name), image.id"""
    found = column(database, query, did=1)
    assert [(row["id"], row["name"], row["ownerId"], row["filesetId"]) for row in found] == [
        (2, "a two.tif", 2, None),
        (1, "b one.tif", 2, 1),
    ]


def test_indexes_never_change_an_answer(database: Database) -> None:
    """The planner's ways back from a known object, against the same condition where no index helps."""
    for name in ("x", "y"):
        database.add("MapAnnotation", ns=name, mapValue=[NamedValue("UUID", "6c1a")])
    for seeded, scanned in [
        ("l.parent.id = 1", "l.parent.id + 0 = 1"),
        ("d.name = 'Cells'", "d.name || '' = 'Cells'"),
        ("i.id in (1, 2)", "(i.id = 1 or i.id = 2)"),
        ("p.id in (select q.id from Pixels q)", "p.id + 0 in (select q.id from Pixels q)"),
        ("i.fileset.id = 1", "i.fileset.id + 0 = 1"),
        ("c.pixels.image.id = 2", "c.pixels.image.id + 0 = 2"),
        ("a.ns = 'omero-flows/import'", "a.ns || '' = 'omero-flows/import'"),
        ("mv.value = '6c1a'", "mv.value || '' = '6c1a'"),
        ("mv.value = '6c1a' and mv.name = 'User'", "mv.value || '' = '6c1a' and mv.name = 'User'"),
    ]:
        query = (
            "select i.id, d.id, p.id, c.id, a.id from Image i left join i.datasetLinks l left join l.parent d "
            "left join i.pixels p left join p.channels c left join i.annotationLinks al left join al.child a "
            "left join a.mapValue mv where "
        )
        assert rows(database, query + seeded) == rows(database, query + scanned)
