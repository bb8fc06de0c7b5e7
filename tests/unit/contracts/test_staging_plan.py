"""An input has exactly the source of bytes that its form wants."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from contracts.import_source import FileIdentity
from contracts.staged_input import StagedForm, StagedInput
from contracts.staging_plan import ImagePixels, PlannedAttachment, PlannedInput, StagingPlan, StoreIdentity

FILE = FileIdentity(path="/data/a.tif", device=1, inode=2, size=3, modified_ns=4)
STORE = StoreIdentity(path="/data/a.zarr/0", files=2, size=3, listing="0" * 64)
PIXELS = ImagePixels(pixels=1, type="uint8", size_x=1, size_y=1, size_z=1, size_c=1, size_t=1)


def staged(form: StagedForm, task: int = 0) -> StagedInput:
    return StagedInput(
        image=1, name="a", original_file="a.tif", dataset=None, file_name="1_a.tif", form=form, task=task
    )


GOOD: dict[StagedForm, dict[str, Any]] = {
    StagedForm.ORIGINAL: {"original": FILE},
    StagedForm.ORIGINAL_ZARR: {"store": STORE},
    StagedForm.LINK: {"original": FILE, "link": "/mnt/a.tif"},
    StagedForm.OME_TIFF: {"pixels": PIXELS},
    StagedForm.OME_ZARR: {"pixels": PIXELS},
}


@pytest.mark.parametrize("form", StagedForm)
@pytest.mark.parametrize("given", GOOD.values(), ids=list(GOOD))
def test_the_source_belongs_to_the_form(form: StagedForm, given: dict[str, Any]) -> None:
    if given == GOOD[form]:
        assert PlannedInput(input=staged(form), size=3, **given).input.path == "in/0/1_a.tif"
    else:
        with pytest.raises(ValidationError, match="an input of form"):
            PlannedInput(input=staged(form), size=3, **given)


def test_a_plan_goes_through_json() -> None:
    inputs = tuple(PlannedInput(input=staged(form, task), size=5, **GOOD[form]) for task, form in enumerate(StagedForm))
    attachment = PlannedAttachment(parameter="model", annotation=1, file=2, name="m.pt", file_name="m.pt", size=3)
    plan = StagingPlan(inputs=inputs, attachments=(attachment,))
    assert plan.tasks == len(StagedForm)
    assert plan.bytes_to_send == 5 + 5 + 5 + 5 + 3, "a link is not sent"
    assert plan.attachments[0].path == "files/model/m.pt"
    assert StagingPlan.model_validate_json(plan.model_dump_json()) == plan


@pytest.mark.parametrize("parameter", ["..", "a/b", "", "a b", ".hidden"])
def test_a_parameter_is_one_plain_folder(parameter: str) -> None:
    with pytest.raises(ValidationError):
        PlannedAttachment(parameter=parameter, annotation=1, file=2, name="m", file_name="m", size=3)


def test_a_store_is_linked_as_a_file_is() -> None:
    planned = PlannedInput(input=staged(StagedForm.LINK), size=3, store=STORE, link="/mnt/a.zarr/0")
    assert StagingPlan(inputs=(planned,)).bytes_to_send == 0
