"""May this user, in this group, import these files to that place? Asked again in every attempt."""

from __future__ import annotations

from pathlib import Path

from prefect import get_run_logger, task

from blocks.image_storage import ImageStorage
from blocks.omero_failures import classify
from blocks.omero_session import OmeroSession
from blocks.storage_path import fingerprint
from contracts.destination import DestinationType
from contracts.failures import Failure, FailureCategory, FailureError, fail
from contracts.import_order import ImportEngine, ImportOrder
from contracts.import_source import FileIdentity
from contracts.preprocessing import Preprocessing
from contracts.source_file import SourceFile
from converters.reader import ConverterError, Fileset, find_fileset
from tasks.destinations import check_destination, check_kind
from tasks.form_records import check_forms
from tasks.order_run import OrderRun
from tasks.retries import DELAYS, is_retryable

#: What each file of the order may be: the identities of its fileset's files, or why it may not.
Permit = tuple[FileIdentity, ...] | Failure


@task(
    name="authorise",
    task_run_name="authorise {run.order.user}",
    persist_result=False,
    retries=len(DELAYS),
    retry_delay_seconds=DELAYS,
    retry_condition_fn=is_retryable,
)
async def authorise(run: OrderRun) -> tuple[Permit, ...]:
    """Check the whole order; returns one permit per file, in the order's sequence.

    Raises:
        FailureError: for what concerns the order as a whole (user, group, destination, forms, storage).
            Files are refused one by one, in their permits.
    """
    log = get_run_logger()
    try:
        permits = await run.in_thread(check_order, run.order, run.session, run.storage)
    except FailureError:
        raise
    except Exception as error:
        raise classify(error, "check the order") from error
    for file, permit in zip(run.order.files, permits, strict=True):
        if isinstance(permit, Failure):
            log.error("%s is refused: %s", file.path, permit.summary)
    log.info(
        "%s may import %s of %s files to %s in group %s",
        run.order.user,
        sum(not isinstance(permit, Failure) for permit in permits),
        len(permits),
        run.order.destination,
        run.order.group,
    )
    return permits


def check_order(order: ImportOrder, session: OmeroSession, storage: ImageStorage) -> tuple[Permit, ...]:
    """Authorise without Prefect, for the command line's check before an order is placed; writes nothing."""
    check_whole_order(order, session, storage)
    return tuple(permit_of(order, storage, file) for file in order.files)


def check_whole_order(order: ImportOrder, session: OmeroSession, storage: ImageStorage) -> None:
    """What concerns the order as a whole: user, group, destination, forms, storage; writes nothing.

    Raises:
        FailureError: what the checks raise.
    """
    session.log_in()
    check_destination(session, order.destination)
    check_forms(order, session)
    storage.folder(order.group)


def permit_of(order: ImportOrder, storage: ImageStorage, file: SourceFile) -> Permit:
    """Whether one file of an order may be imported.

    Raises:
        FailureError: only what trying again can help, such as STORAGE_UNAVAILABLE.
    """
    try:
        first = storage.identify(order.group, file.path)
        preprocessing = order.preprocessing_of(file)
        if preprocessing is not None:
            return (_convertible(preprocessing, order.destination.type, file, first),)
        if order.engine is ImportEngine.OMERO_CLI:
            return (first,)
        return identify_fileset(storage.folder(order.group), first, order.destination.type)
    except FailureError as error:
        if error.failure.retryable:
            raise
        return error.failure


def _convertible(
    preprocessing: Preprocessing, kind: DestinationType, file: SourceFile, first: FileIdentity
) -> FileIdentity:
    """The file, if the built-in converter reads it; what a container reads, the container says."""
    if preprocessing.is_builtin:
        _find_fileset(Path(first.path))
        check_kind(kind, file.path, holds_plate=False)  # it makes an image of every series, of a plate's too
    return first


def _find_fileset(path: Path) -> Fileset:
    try:
        return find_fileset(path)
    except ConverterError as error:
        raise refusal(error) from error


def identify_fileset(
    folder: Path, first: FileIdentity, kind: DestinationType | None = None
) -> tuple[FileIdentity, ...]:
    """The file with its companions, each inside `folder`; with `kind`, they must be something to put there.

    Raises:
        FailureError: UNKNOWN_FORMAT, BROKEN_FILE, PATH_OUTSIDE_FOLDER, BAD_REQUEST and what `fingerprint` raises.
    """
    name = Path(first.path).name
    fileset = _find_fileset(Path(first.path))
    if kind is not None:
        check_kind(kind, name, holds_plate=fileset.holds_plate)
    files = []
    for companion in fileset.files:
        real = companion.resolve()
        if not real.is_relative_to(folder):
            raise fail(
                FailureCategory.PATH_OUTSIDE_FOLDER,
                f"{name!r} belongs with {companion.name!r}, which lies outside the group's folder.",
                detail=str(real),
                next_step="Copy the whole set of files into the group's folder.",
            )
        files.append(first if str(real) == first.path else fingerprint(folder, real))
    return tuple(files)


def refusal(error: ConverterError) -> FailureError:
    """The failure for a file that our readers refuse."""
    from converters.reader import UnknownFormat

    name = Path(error.path).name
    if isinstance(error, UnknownFormat):
        return fail(
            FailureCategory.UNKNOWN_FORMAT,
            f"{name!r} is in no format that we can read.",
            detail=str(error.reason),
            next_step='Convert it with a converter container, or import it with engine "omero-cli".',
        )
    return fail(
        FailureCategory.BROKEN_FILE,
        f"{name!r} cannot be read; it may be truncated.",
        detail=str(error.reason),
        next_step="Copy the file again from the microscope.",
    )
