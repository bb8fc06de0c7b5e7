"""omero.api.IUpdate: saving objects, each call as a whole or not at all."""

from __future__ import annotations

from typing import Any

import omero
import omero.api

from sandbox.omero.calls import Call
from sandbox.omero.materialise import Materialiser
from sandbox.omero.permissions import DELETE
from sandbox.omero.servant import Service, servant
from sandbox.omero.services.saving import Saver
from sandbox.omero.services.wire import find_record


@servant(omero.api.IUpdate)
class Update(Service):
    """See `saving` for what is written and what is refused."""

    def saveObject(self, target: Any, call: Call) -> None:  # noqa: N802
        self._save([target], call)

    def saveCollection(self, targets: list[Any], call: Call) -> None:  # noqa: N802
        self._save(targets, call)

    def saveArray(self, targets: list[Any], call: Call) -> None:  # noqa: N802
        self._save(targets, call)

    def saveAndReturnObject(self, target: Any, call: Call) -> Any:  # noqa: N802
        return self._save_and_return([target], call)[0]

    def saveAndReturnArray(self, targets: list[Any], call: Call) -> list[Any]:  # noqa: N802
        return self._save_and_return(targets, call)

    def saveAndReturnIds(self, targets: list[Any], call: Call) -> list[int]:  # noqa: N802
        saver = self._save(targets, call)
        return [saver.save(target).id for target in targets]

    def deleteObject(self, target: Any, call: Call) -> None:  # noqa: N802
        """Delete one row. Raises omero.ValidationException while others refer to it: use Delete2 for graphs."""
        record = find_record(self.store, target)
        if call.caller.restrictions(record)[DELETE]:
            raise omero.SecurityViolation(None, None, f"Deleting {record} not allowed.")
        self.store.delete(record)

    def indexObject(self, target: Any, call: Call) -> None:  # noqa: N802
        """Searches read the rows themselves, so nothing needs indexing; the row has to be there."""
        find_record(self.store, target)

    def _save(self, targets: list[Any], call: Call) -> Saver:
        if any(target is None for target in targets):
            raise omero.ApiUsageException(None, None, "null cannot be saved")
        saver = Saver(call)
        for target in targets:
            saver.save(target)
        return saver

    def _save_and_return(self, targets: list[Any], call: Call) -> list[Any]:
        saver = self._save(targets, call)
        materialiser = Materialiser(self.store, call.caller)
        saver.materialise(materialiser)
        return [materialiser.ice(saver.save(target)) for target in targets]
