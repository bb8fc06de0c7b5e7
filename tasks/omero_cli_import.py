"""The second engine: `omero import --transfer=ln_s`, for formats whose companions we cannot list.

OMERO's own importer finds a fileset's files with Bio-Formats. It needs Java and OMERO's client jars on
the worker. Limit: when it is killed between its upload and the server's import, the fileset without
images that it leaves carries no token, and stays for an administrator (`omero fs sets --without-images`).
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

from omero.rtypes import unwrap
from omero.sys import ParametersI
from prefect import get_run_logger, task
from prefect.concurrency.asyncio import concurrency
from prefect_shell import ShellOperation  # type: ignore[import-untyped]

from blocks.omero_failures import classify
from contracts import namespaces
from contracts.failures import FailureCategory, FailureError, fail
from contracts.import_source import ImportedFileset, ImportSource
from tasks.import_work import ImportWork
from tasks.in_place_import import LEASE_SECONDS, check_images, fileset_cache_key
from tasks.order_evidence import delete_fileset, file_token, images_of, plates_of
from tasks.retries import DELAYS, is_retryable


@task(
    name="omero-cli-import",
    task_run_name="import {source.path}",
    persist_result=True,
    result_serializer="json",
    cache_key_fn=fileset_cache_key,
    retries=len(DELAYS),
    retry_delay_seconds=DELAYS,
    retry_condition_fn=is_retryable,
)
async def omero_cli_import(run: ImportWork, source: ImportSource) -> ImportedFileset:
    """Import one fileset with OMERO's own importer, unless its images are there already."""
    log = get_run_logger()
    clients = find_importer()
    try:
        there = await run.in_thread(_find, run, source)
        if there is not None:
            return there
        run.check_not_cancelled(f"import {source.path!r}")
        target = await run.in_thread(run.find_target, log)
        async with concurrency(
            run.server.limit_name, lease_duration=LEASE_SECONDS, raise_on_lease_renewal_failure=False
        ):
            command = import_command(run, source, clients, target.id.val)
            operation = ShellOperation(
                commands=[shlex.join(command)],
                stream_output=True,
                env={"OMERO_SESSIONDIR": str(Path("/tmp") / f"omero-{os.getuid()}")},
            )
            await operation.arun()
        imported = await run.in_thread(_find, run, source)
    except FailureError:
        raise
    except RuntimeError as error:
        raise fail(
            FailureCategory.IMPORT_FAILED,
            f"`omero import` did not import {source.path!r}.",
            detail=str(error),
            next_step="Read what it printed, in the run's log.",
        ) from error
    except Exception as error:
        raise classify(error, f"import {source.path!r}") from error
    if imported is None:
        raise fail(
            FailureCategory.IMPORT_FAILED,
            f"`omero import` ended, but OMERO has no image of {source.path!r}.",
            next_step="Read what it printed, in the run's log.",
        )
    check_images(run.destination.type, source, imported.images, imported.plates)
    return imported.model_copy(update={"was_there": False, "destination": target.id.val})


def find_importer() -> Path:
    """The folder with OMERO's client jars.

    Raises:
        FailureError: NOT_CONFIGURED, naming what is missing.
    """
    missing = []
    if shutil.which("java") is None:
        missing.append("Java (a `java` in PATH, version 11 or later)")
    home = os.environ.get("OMERODIR")
    jars = Path(home) / "lib" / "client" if home else None
    if jars is None or not any(jars.glob("*.jar")):
        missing.append("OMERO's client jars ($OMERODIR/lib/client/*.jar, from OMERO.java or OMERO.server)")
    if missing or jars is None:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            'The engine "omero-cli" cannot run on this worker.',
            detail="missing: " + "; ".join(missing),
            next_step='Install it on the worker, or order the import with engine "in-place".',
        )
    return jars


def import_command(run: ImportWork, source: ImportSource, jars: Path, target: int) -> list[str]:
    """The importer's command line, one argument each; the session's key is that of the order's session.

    The file's token travels as a comment inside the import request, as the in-place engine's does.
    """
    session = run.session.gateway.c.getSessionId()
    server = run.server
    program = "import sys; from omero.cli import argv; sys.exit(argv())"
    return [
        sys.executable,
        "-c",
        program,
        "import",
        "-s",
        server.host,
        "-p",
        str(server.port),
        "-k",
        session,
        "--clientdir",
        str(jars),
        "--transfer=ln_s",
        "--output=ids",
        "-T",
        f"{run.destination.type.value}:{target}",
        *(["--checksum-algorithm=File-Size-64"] if not run.hash_sources else []),
        *(["-n", source.image_name] if source.image_name else []),
        "--annotation-ns",
        namespaces.TOKEN,
        "--annotation-text",
        file_token(run.token, source),
        "--",
        source.files[0].path,
    ]


def _find(run: ImportWork, source: ImportSource) -> ImportedFileset | None:
    gateway: Any = run.session.gateway
    parameters = ParametersI().addString("ns", namespaces.TOKEN)
    parameters.addString("token", file_token(run.token, source))
    query = gateway.c.sf.getQueryService()
    comments = unwrap(
        query.projection("select c.id from CommentAnnotation c where c.ns = :ns and c.textValue = :token", parameters)
    )
    if not comments:
        return None
    rows = unwrap(
        query.projection(
            "select distinct i.fileset.id from ImageAnnotationLink l join l.parent i where l.child.id in (:ids)",
            ParametersI().addIds([row[0] for row in comments]),
        )
    )
    if not rows:
        return None
    fileset = int(rows[0][0])
    _check_files(run, source, fileset)
    return ImportedFileset(
        source=source,
        fileset=fileset,
        images=images_of(gateway, fileset),
        plates=plates_of(gateway, fileset),
        was_there=True,
    )


def _check_files(run: ImportWork, source: ImportSource, fileset: int) -> None:
    """The importer chose the companions itself: undo the import when one lies outside the group's folder."""
    gateway = run.session.gateway
    paths = unwrap(
        gateway.c.sf.getQueryService().projection(
            "select e.clientPath from FilesetEntry e where e.fileset.id = :id", ParametersI().addId(fileset)
        )
    )
    folder = run.storage.folder(run.group)
    outside = [path for (path,) in paths if not Path(os.path.realpath(f"/{path}")).is_relative_to(folder)]
    if outside:
        delete_fileset(gateway, fileset)
        raise fail(
            FailureCategory.PATH_OUTSIDE_FOLDER,
            f"{source.path!r} belongs with files outside the folder of group {run.group!r}.",
            detail=", ".join(outside[:5]),
            next_step="Copy the whole set of files into the group's folder.",
        )
