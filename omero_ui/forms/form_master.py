"""The form master's session: one for the process, made at first use and made anew when OMERO has ended it."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

import omero

from contracts.failures import FailureCategory, fail
from omero_ui import settings
from omero_ui.forms.archive import Archive

log = logging.getLogger(__name__)

#: Seconds between two keep-alives; OMERO's default session timeout is ten minutes.
KEEP_ALIVE_SECONDS = 60

_lock = threading.Lock()
_open: dict[tuple[str, str], Any] = {}


def open_archive(conn: Any) -> Archive:
    """The archive in the OMERO that `conn` (BlitzGateway) is connected to.

    Raises:
        FailureError: NOT_CONFIGURED without a form master or its password; OMERO_REFUSED_LOGIN, OMERO_UNREACHABLE.
    """
    with _lock:
        key = (str(conn.host), str(conn.port))
        gateway = _open.get(key)
        if gateway is None or not _lives(gateway):
            gateway = _open[key] = _log_in(conn)
        return Archive(gateway.c, gateway.getUserId())


def _lives(gateway: Any) -> bool:
    try:
        gateway.c.sf.keepAlive(None)
    except Exception as error:  # noqa: BLE001  whatever ended the session, the answer is a new one
        log.info("The form master's session has ended (%s); logging in again", error)
        return False
    return True


def _log_in(conn: Any) -> Any:
    gateway = conn.clone()
    gateway.setIdentity(settings.FORMS_USER, _password())
    try:
        connected = gateway.connect()
    except omero.ServerError as error:
        raise _refused(str(error)) from error
    if not connected:
        raise _refused(str(gateway.getLastError()))
    if not gateway.isAdmin():
        gateway.close()
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            f"The account {settings.FORMS_USER!r}, which keeps the forms, is no administrator of OMERO.",
            next_step="Make it one: it reads and writes forms of all groups (docs/admin.md, Forms).",
        )
    gateway.c.enableKeepAlive(KEEP_ALIVE_SECONDS)
    return gateway


def _password() -> str:
    path = settings.FORMS_PASSWORD_FILE
    if not settings.FORMS_USER or not path:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            "No account keeps forms here.",
            next_step="Set omero.web.flows.forms_user and omero.web.flows.forms_password_file (docs/admin.md, Forms).",
        )
    try:
        return Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            "The password of the account that keeps forms cannot be read.",
            detail=f"{path}: {error}",
            next_step="Let omero.web.flows.forms_password_file name a file that OMERO.web may read.",
        ) from error


def _refused(detail: str) -> Exception:
    return fail(
        FailureCategory.OMERO_REFUSED_LOGIN,
        f"OMERO does not let the account {settings.FORMS_USER!r} in, which keeps the forms.",
        detail=detail,
        next_step="Correct the password in the file that omero.web.flows.forms_password_file names.",
    )
