"""Which Failure an exception of OMERO's client, or of the Ice runtime beneath it, stands for."""

from __future__ import annotations

import Glacier2
import Ice
import omero.clients

from contracts.failures import Failure, FailureCategory, FailureError, fail

#: The connection or the session is gone: OMERO is down, restarting, overloaded or has ended the session.
UNREACHABLE = (
    Ice.SocketException,
    Ice.TimeoutException,
    Ice.DNSException,
    Ice.CloseConnectionException,
    Ice.ForcedCloseConnectionException,
    Ice.CommunicatorDestroyedException,
    Ice.ObjectAdapterDeactivatedException,
    Ice.ObjectNotExistException,
    Ice.ProtocolException,
    Glacier2.SessionNotExistException,
    Glacier2.CannotCreateSessionException,
    omero.SessionException,
    omero.ConcurrencyException,
)


def is_unreachable(error: BaseException) -> bool:
    """True when a new connection may help: nothing is known of the call's effect."""
    return isinstance(error, UNREACHABLE)


def describe(error: BaseException) -> str:
    """What the server said, without its Java stack trace."""
    message = getattr(error, "message", None) or getattr(error, "reason", None) or str(error)
    return f"{type(error).__name__}: {str(message).strip()}"[:2000]


def classify(error: BaseException, doing: str) -> FailureError:
    """The FailureError for what OMERO answered while `doing` ("import a.lif")."""
    if isinstance(error, FailureError):
        return error
    if is_unreachable(error):
        return fail(
            FailureCategory.OMERO_UNREACHABLE,
            f"OMERO did not answer while we tried to {doing}.",
            detail=describe(error),
            next_step="Wait for OMERO to come back; the step is tried again by itself.",
        )
    if isinstance(error, Glacier2.PermissionDeniedException):
        return fail(
            FailureCategory.OMERO_REFUSED_LOGIN,
            f"OMERO refused the login while we tried to {doing}.",
            detail=describe(error),
            next_step="Correct the sudo account or its password in the OmeroServer block.",
        )
    if isinstance(error, (omero.ServerError, omero.ClientError, Ice.Exception)):
        return fail(
            FailureCategory.OMERO_REFUSED,
            f"OMERO refused to {doing}.",
            detail=describe(error),
            next_step="Read what OMERO said; an OMERO administrator finds more in OMERO's Blitz log.",
        )
    return FailureError(failure_of(error, doing))


def failure_of(error: BaseException, doing: str) -> Failure:
    """A Failure for an exception that no rule names: unknown stays unknown and is never retried."""
    if isinstance(error, FailureError):
        return error.failure
    return fail(
        FailureCategory.UNKNOWN,
        f"Something unforeseen happened while we tried to {doing}.",
        detail=describe(error),
        next_step="Report it with the run's log; then retry the order.",
    ).failure
