"""The contracts as JSON Schema (draft 2020-12), for programs that are not written in Python."""

from __future__ import annotations

from typing import Any

from contracts.failures import Failure
from contracts.import_order import ImportOrder
from contracts.import_report import ImportReport

#: What others write for us or read from us, by the name of its schema.
EXPORTED: dict[str, type[ImportOrder] | type[ImportReport] | type[Failure]] = {
    "import-order": ImportOrder,
    "import-report": ImportReport,
    "failure": Failure,
}


def json_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of an exported contract, as it is validated on the way in.

    It says all that JSON Schema can; rules over several fields (an order has no file twice) are in the
    contract's description and are checked by the contract alone.

    Raises:
        KeyError: no contract of that name is exported.
    """
    schema = EXPORTED[name].model_json_schema(mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
