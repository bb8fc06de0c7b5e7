"""omero-py's own integration-test library as a client: it makes its groups and users itself, as OMERO's tests do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import omero
import pytest

from sandbox.omero.server import EmbeddedOmero


@pytest.fixture
def itest(server: EmbeddedOmero, omero_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """omero.testlib.ITest, set up as OMERO's integration tests set it up: from an ice.config with root's password."""
    config = omero_folder / "ice.config"
    config.write_text(
        f"omero.host=127.0.0.1\nomero.port={server.ssl_port}\nomero.user=root\nomero.pass=omero\nomero.rootpass=omero\n"
    )
    monkeypatch.setenv("ICE_CONFIG", str(config))
    from omero.testlib import ITest

    ITest.setup_class()
    yield ITest
    ITest.teardown_class()


def test_omeros_test_library_works(itest: Any) -> None:
    library = itest()
    client, user = library.new_client_and_user(perms="rwra--")
    dataset = library.make_dataset(name="from ITest", client=client)
    image = library.make_image(name="image", client=client)
    library.link(dataset, image, client=client)
    tag = library.make_tag(client=client)
    library.link(image, tag, client=client)
    found = client.sf.getQueryService().findAllByQuery(
        "select i from Image i join fetch i.annotationLinks l join fetch l.child", None
    )
    assert [i.id.val for i in found] == [image.id.val]
    assert found[0].details.owner.id.val == user.id.val
    library.do_submit(omero.cmd.Delete2(targetObjects={"Dataset": [dataset.id.val]}), client)
    assert client.sf.getQueryService().find("Image", image.id.val) is None
