"""A command that OMERO works at on its own, while we wait for its answer."""

from __future__ import annotations

import atexit
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import omero.callbacks
import omero.clients

from blocks.omero_failures import describe

log = logging.getLogger(__name__)


@contextmanager
def callback_of(client: omero.clients.BaseClient, handle: Any) -> Iterator[omero.callbacks.CmdCallbackI]:
    """OMERO's callback of a submitted command (`omero.cmd.HandlePrx`); closed, with the handle, at the end.

    omero-py has the callback's event set when Python ends, and so keeps it until then: a night's batch would grow by a
    kilobyte or more for each file. What OMERO refuses to answer at all leaves its event there.
    """
    callback = omero.callbacks.CmdCallbackI(client, handle)
    try:
        yield callback
    except BaseException:
        try:
            callback.close(True)
        except Exception as error:  # noqa: BLE001  what went wrong first is what is to be said
            log.warning("A command of OMERO could not be closed: %s", describe(error))
        raise
    else:
        callback.close(True)
    finally:
        atexit.unregister(callback.event.setAtExit)
