"""omero.cmd.Chgrp2, Chown2 and Chmod2: objects to another group or owner, and a group's permissions."""

from __future__ import annotations

from typing import Any

import omero.cmd

from sandbox.omero.commands.graph import ChildRule, Reach, find_targets, ids_by_class, is_link, referrers
from sandbox.omero.commands.requests import CommandRefused, Job
from sandbox.omero.model import FieldKind
from sandbox.omero.permissions import CHGRP, CHOWN, parse_permissions
from sandbox.omero.records import Record


def change_group(request: Any, job: Job) -> Any:
    """Move the targets and what goes with them; links that would join two groups are deleted.

    Raises CommandRefused where a target is not the caller's to move, or the caller is no member of the new group.
    """
    store, caller = job.store, job.caller
    group = store.get("ExperimenterGroup", request.groupId)
    if group is None:
        raise CommandRefused(f"there is no group {request.groupId}")
    if group.id not in caller.member_of and "Chgrp" not in caller.privileges:
        raise CommandRefused(f"not a member of the group {group.id}")
    targets = find_targets(store, caller, request.targetObjects)
    for target in targets:
        if caller.restrictions(target)[CHGRP]:
            raise CommandRefused(f"not permitted to move {target.model.java_name}[{target.id}]")
    moved = Reach(store, caller, _rules(request), lambda child: not caller.restrictions(child)[CHGRP]).collect(targets)
    kept = set(moved)
    cut = [record for record in moved if is_link(record) and not _is_inside(record, kept)]
    included = [record for record in moved if record not in cut and record.group is not None]
    for record in included:
        for referrer, field_name in referrers(store, record):
            if referrer not in kept and referrer.group is not None:
                raise CommandRefused(
                    f"{record.model.java_name}[{record.id}] is in use: "
                    f"{referrer.model.java_name}[{referrer.id}].{field_name}"
                )
    response = omero.cmd.Chgrp2Response(includedObjects=ids_by_class(included), deletedObjects=ids_by_class(cut))
    if request.dryRun:
        return response
    for link in cut:
        store.delete(link)
    for record in included:
        store.assign_detail(record, "group", group)
    return response


def change_owner(request: Any, job: Job) -> Any:
    """Give the targets, and all that the users in `targetUsers` own, to another user."""
    store, caller = job.store, job.caller
    owner = store.get("Experimenter", request.userId)
    if owner is None:
        raise CommandRefused(f"there is no user {request.userId}")
    targets = find_targets(store, caller, request.targetObjects) if request.targetObjects else []
    for user_id in request.targetUsers or []:
        for name in ("Project", "Dataset", "Screen", "Plate", "Image", "Annotation", "Folder", "Roi"):
            targets += [r for r in store.all(name) if r.owner is not None and r.owner.id == user_id]
    if not targets and not request.targetUsers:
        raise CommandRefused("the request names no objects")
    for target in targets:
        if caller.restrictions(target)[CHOWN]:
            raise CommandRefused(f"not permitted to give away {target.model.java_name}[{target.id}]")
    reach = Reach(store, caller, _rules(request), lambda child: not caller.restrictions(child)[CHOWN])
    previous = {target.owner for target in targets}
    given = [r for r in reach.collect(targets) if r.owner in previous and r.owner is not owner]
    response = omero.cmd.Chown2Response(includedObjects=ids_by_class(given), deletedObjects={})
    if not request.dryRun:
        for record in given:
            store.assign_detail(record, "owner", owner)
    return response


def change_permissions(request: Any, job: Job) -> Any:
    """Change the permissions of groups; for administrators and the groups' owners."""
    store, caller = job.store, job.caller
    groups = find_targets(store, caller, request.targetObjects)
    try:
        permissions = parse_permissions(request.permissions)
    except ValueError as error:
        raise CommandRefused(f"{request.permissions} are no permissions: {error}") from error
    for group in groups:
        if group.model.name != "ExperimenterGroup":
            raise CommandRefused("permissions belong to groups")
        if group.id not in caller.leader_of and "ModifyGroup" not in caller.privileges:
            raise CommandRefused(f"not permitted to change group {group.id}")
        if not request.dryRun:
            store.assign_detail(group, "permissions", permissions)
    return omero.cmd.Chmod2Response(includedObjects=ids_by_class(groups), deletedObjects={})


def _rules(request: Any) -> list[ChildRule]:
    return [ChildRule.of(option) for option in request.childOptions or []]


def _is_inside(link: Record, members: set[Record]) -> bool:
    """Whether both ends of a link move; a reference to something without a group holds nothing back."""
    ends = (link.values.get(f.name) for f in link.model.fields.values() if f.kind is FieldKind.REFERENCE)
    return all(end is None or end.group is None or end in members for end in ends)
