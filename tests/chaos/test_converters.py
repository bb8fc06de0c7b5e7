"""Converters that misbehave: each is refused with its reason, and nothing of what it did is left.

All orders are placed at once and waited for together.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from prefect.client.schemas.objects import StateType

from contracts.failures import FailureCategory
from sandbox.site import Site
from tests.chaos.aftermath import Ending, check_aftermath
from tests.chaos.converter_images import ConverterImages
from tests.chaos.placed_orders import OrderDesk
from tests.chaos.site_blocks import converters_may_take
from tests.chaos.tiny_images import write_image
from tests.chaos.waiting import wait_for

pytestmark = pytest.mark.timeout(1200)

#: Converter -> why it is refused.
BAD = {
    "hangs": FailureCategory.CONVERTER_TIMED_OUT,
    "prints-rubbish": FailureCategory.CONVERTER_BROKE_CONTRACT,
    "names-files-outside": FailureCategory.CONVERTER_BROKE_CONTRACT,
    "climbs-outside": FailureCategory.CONVERTER_BROKE_CONTRACT,
    "links-outside": FailureCategory.CONVERTER_BROKE_CONTRACT,
    "writes-nothing": FailureCategory.CONVERTER_BROKE_CONTRACT,
    "says-nothing": FailureCategory.CONVERTER_BROKE_CONTRACT,
    "dies-half-way": FailureCategory.CONVERTER_FAILED,
    "never-stops-talking": FailureCategory.CONVERTER_BROKE_CONTRACT,
    "writes-into-the-raw-data": FailureCategory.CONVERTER_FAILED,
}
#: Converters whose manners are bad and whose results are good, and how many images they make of one.
GOOD = {"good": 1, "two-results": 2, "leaves-a-child": 1}


def test_converters_that_misbehave(
    site: Site, desk: OrderDesk, order_folder: Path, converter_images: ConverterImages | None
) -> None:
    if converter_images is None:
        pytest.skip("the site has no container engine; `omero-flows sandbox status` says why")
    for name in (*BAD, *GOOD):
        converter_images.build(name)
    files = {name: write_image(order_folder / f"{name}.ome.tif") for name in (*BAD, *GOOD)}
    before = {name: file.read_bytes() for name, file in files.items()}
    orders = {}
    with converters_may_take(site, minutes=1):
        orders["hangs"] = desk.place([files["hangs"]], preprocessing={"converter": converter_images.build("hangs")})
        token = str(orders["hangs"].order.uuid)
        wait_for(
            "the container that hangs", lambda: converter_images.containers_of(token), explain=orders["hangs"].describe
        )
    for name in files.keys() - orders.keys():
        orders[name] = desk.place([files[name]], preprocessing={"converter": converter_images.build(name)})
    for placed in orders.values():
        placed.wait_until_ended()
    for name, category in BAD.items():
        report = orders[name].report()
        assert report is not None, orders[name].describe()
        failure = report.files[0].failure
        assert failure is not None and failure.category is category, f"{name}: {failure}"
        assert failure.next_step
    assert {name: file.read_bytes() for name, file in files.items()} == before, "raw data were changed"
    endings = [Ending(orders[name], StateType.FAILED) for name in BAD]
    endings += [Ending(orders[name], images={orders[name].order.files[0].path: count}) for name, count in GOOD.items()]
    check_aftermath(desk, *endings)
