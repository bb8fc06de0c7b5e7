"""The converter's options keep their sequence through JSON whose objects have none."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from contracts.preprocessing import Preprocessing


def test_sequence_survives_a_store_that_sorts_members() -> None:
    given = Preprocessing(converter="org/name:1", options={"zebra": "1", "show_progress": "", "a": "x"})
    stored = json.dumps(given.model_dump(mode="json"), sort_keys=True)
    assert list(Preprocessing.model_validate(json.loads(stored)).options) == ["zebra", "show_progress", "a"]
    assert list(Preprocessing.model_validate_json(stored).options) == ["zebra", "show_progress", "a"]


@pytest.mark.parametrize("options", [[["a", "1"], ["a", "2"]], [["a"]], [["a", 1]], [[1, "a"]], "a=1"])
def test_what_are_no_options(options: object) -> None:
    with pytest.raises(ValidationError):
        Preprocessing.model_validate({"converter": "org/name:1", "options": options})
