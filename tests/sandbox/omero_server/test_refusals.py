"""What the embedded OMERO does not know is refused by name and counted; nothing is answered by a guess."""

from __future__ import annotations

import json

import omero
import omero.api
import omero.model
import pytest

from sandbox.omero.calls import Call
from sandbox.omero.servant import Service, operations, servant
from sandbox.omero.server import EmbeddedOmero
from sandbox.omero.services.registry import STATEFUL, STATELESS
from tests.sandbox.omero_server.conftest import Login


def test_an_unknown_operation_is_refused_by_name(login: Login, server: EmbeddedOmero) -> None:
    with pytest.raises(omero.InternalException) as refused:
        login("alice").c.sf.getScriptService().getScriptText(1)
    assert "IScript.getScriptText" in refused.value.message
    assert server.counts.unknown["IScript.getScriptText"] >= 1


def test_an_unknown_service_is_refused_by_name(login: Login) -> None:
    with pytest.raises(omero.InternalException) as refused:
        login("alice").c.sf.getProjectionService()
    assert "omero.api.IProjection" in refused.value.message


@pytest.mark.parametrize("query", [
    "select d from Dataset d where d.colour = 'red'", "select x from Nothing x", "delete from Dataset", "select",
])  # fmt: skip
def test_an_unknown_query_is_refused(query: str, login: Login) -> None:
    with pytest.raises(omero.QueryException):
        login("alice").getQueryService().findAllByQuery(query, None)


def test_the_counts_are_written_to_a_file(login: Login, server: EmbeddedOmero) -> None:
    login("alice").getQueryService().findAllByQuery("select d from Dataset d", None)
    path = server.home / "status.json"
    server.counts.write(path)
    counts = json.loads(path.read_text())
    assert counts["queries"]["select d from Dataset d"] >= 1
    assert counts["calls"]["IQuery.findAllByQuery"] >= 1


def test_a_misspelt_operation_is_found_when_the_service_is_defined() -> None:
    with pytest.raises(TypeError, match="getVersoin"):

        @servant(omero.api.IConfig)
        class Misspelt(Service):
            def getVersoin(self, call: Call) -> str:  # noqa: N802
                return ""


def test_operations_are_read_from_the_generated_modules() -> None:
    query = operations(omero.api.IQuery)
    assert (query["projection"].returns, query["projection"].asynchronous) == (1, True)
    assert operations(omero.api.IUpdate)["saveObject"].returns == 0
    assert operations(omero.api.Search)["and"].python_name == "_and"
    assert not operations(omero.api.ServiceFactory)["getByName"].asynchronous
    assert "submit" in operations(omero.api.ServiceFactory), "inherited operations count"


@pytest.mark.parametrize("name", sorted({*STATELESS, *STATEFUL}))
def test_every_service_is_reached(name: str, login: Login) -> None:
    factory = login("alice").c.sf
    if name == "omero.api.ServiceFactory":
        return
    proxy = factory.createByName(name) if name in STATEFUL else factory.getByName(name)
    proxy.ice_ping()
    if name in STATEFUL:
        proxy.close()
