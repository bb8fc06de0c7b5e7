"""Which requests there are, and what runs when one is submitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import omero
import omero.cmd

from sandbox.omero.calls import Call
from sandbox.omero.permissions import Caller
from sandbox.omero.store import Store, StoreError

if TYPE_CHECKING:
    from sandbox.omero.commands.handle import Handle, Work


@dataclass
class Job:
    """One submitted request at work: all parts of a DoAll share it, and its transaction."""

    call: Call
    after_commit: list[Callable[[], None]] = field(default_factory=list)
    """What must not happen unless the database has changed for good: removing files."""

    @classmethod
    def across_groups(cls, call: Call, after_commit: list[Callable[[], None]] | None = None) -> Job:
        """Requests find their targets in every group of the caller, whatever group the call is in.

        OMERO.server runs its graph requests so; a gateway that works in one group deletes in another.
        """
        everywhere = Call(call.server, call.session, context={**call.context, "omero.group": "-1"})
        return cls(everywhere, [] if after_commit is None else after_commit)

    @property
    def store(self) -> Store:
        return self.call.server.store

    @property
    def caller(self) -> Caller:
        return self.call.caller


#: Answers a request: the response, or an omero.cmd.ERR.
Command = Callable[[Any, Job], Any]


class CommandRefused(Exception):
    """A request cannot be done; the message becomes the response's, and nothing was changed."""


def failure(request: Any, message: str, name: str = "graph-fail", **parameters: str) -> Any:
    """The response of a request that was refused, as OMERO.server answers it."""
    return omero.cmd.GraphException(
        category=request.ice_id(), name=name, parameters={"message": message, **parameters}, message=message
    )


def _commands() -> Mapping[str, Command]:
    from sandbox.omero.commands import delete, finding, move, server_state, used_files

    return {
        "Delete2": delete.delete,
        "Chgrp2": move.change_group,
        "Chown2": move.change_owner,
        "Chmod2": move.change_permissions,
        "SkipHead": finding.skip_head,
        "DoAll": do_all,
        "FindParents": finding.find_parents,
        "FindChildren": finding.find_children,
        "LegalGraphTargets": finding.list_legal_targets,
        "UsedFilesRequest": used_files.list_used_files,
        "OriginalMetadataRequest": used_files.read_original_metadata,
        "DiskUsage2": used_files.measure_disk_usage,
        "CurrentSessionsRequest": server_state.list_sessions,
        "UpdateSessionTimeoutRequest": server_state.change_timeout,
        "ListRequests": list_requests,
        "Timing": server_state.take_time,
    }


def run(request: Any, job: Job) -> Any:
    """Answer one request inside the job's transaction. A request that is not known is refused by name."""
    name = type(request).__name__
    command = _commands().get(name)
    if command is None:
        job.call.server.counts.refused("cmd", name)
        return failure(request, f"the embedded OMERO does not know the request {name}", "UnknownOperation")
    try:
        return command(request, job)
    except (CommandRefused, StoreError) as refused:
        return failure(request, str(refused))


class _Refused(Exception):
    """Carries a failed response out of the transaction, which is rolled back on the way."""

    def __init__(self, response: Any) -> None:
        super().__init__()
        self.response = response


def work_of(request: Any) -> Work:
    """The work that a handle runs for the request: one transaction, then what follows a commit."""

    def work(handle: Handle) -> Any:
        job = Job.across_groups(handle.call)
        job.call.server.counts.called("cmd", type(request).__name__)
        try:
            with job.store.transaction():
                response = run(request, job)
                if isinstance(response, omero.cmd.ERR):
                    raise _Refused(response)
        except _Refused as refused:
            return refused.response
        except StoreError as refused:  # found out when the transaction was to end
            return failure(request, str(refused))
        for action in job.after_commit:
            action()
        return response

    return work


def do_all(request: Any, job: Job) -> Any:
    """Several requests, all or none: the first that fails is the answer."""
    responses, states = [], []
    for part in request.requests or []:
        response = run(part, job)
        if isinstance(response, omero.cmd.ERR):
            return response
        responses.append(response)
        states.append(omero.cmd.Status(steps=1, currentStep=1, flags=[omero.cmd.State.ALL, omero.cmd.State.SUCCESS]))
    return omero.cmd.DoAllRsp(responses=responses, status=states)


def list_requests(request: Any, job: Job) -> Any:
    known = [getattr(omero.cmd, name)() for name in _commands()]
    return omero.cmd.ListRequestsRsp(list=known)
