"""kill -9 of OMERO while an image is sent: that is a failure to be tried again, and sending goes on where it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from contracts.failures import FailureCategory, FailureError
from sandbox.site import Site
from tasks.staging_sources import open_staging_sources
from tests.sandbox.staging.staging_ground import Ground, log_in

PLANES, EDGE = 48, 512


def test_omero_killed_while_an_image_is_sent(site: Site, order_folder: Path) -> None:
    data = np.random.default_rng(4).integers(0, 4095, (PLANES, EDGE, EDGE), np.uint16)
    path = order_folder / "stack.tif"
    tifffile.imwrite(path, data, imagej=True, metadata={"axes": "ZYX"})
    ground = Ground(site, order_folder, log_in(site, "alice"), log_in(site, "root"))
    try:
        (image,) = ground.import_files(path)
    finally:
        ground.alice.close()
        ground.root.close()
    with ground.server.as_user("alice", "lab-a") as session:
        plan = ground.plan(ground.run(images=[image]), session, "ometiff")
        with open_staging_sources(plan, session) as (source,):
            sent = bytearray()
            with pytest.raises(FailureError) as cut:
                pieces = source.open()
                while len(sent) <= 3 << 20:
                    sent += next(pieces)
                site.hold("omero", kill=True)
                try:
                    for piece in pieces:
                        sent += piece
                finally:
                    site.release("omero", seconds=120)
            assert cut.value.failure.category is FailureCategory.OMERO_UNREACHABLE
            assert cut.value.failure.retryable
            assert 3 << 20 < len(sent) < source.size
            for piece in source.open(len(sent)):
                sent += piece
            assert len(sent) == source.size
    arrived = order_folder / "arrived.tif"
    arrived.write_bytes(sent)
    np.testing.assert_array_equal(tifffile.imread(arrived), data)
