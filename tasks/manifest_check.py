"""What is wrong with a manifest's rows before anything runs: asked of OMERO and the image storage, writing nothing."""

from __future__ import annotations

from blocks.image_storage import ImageStorage
from blocks.omero_failures import classify
from blocks.omero_server import OmeroServer
from contracts.batch.manifest import Manifest, ManifestRow, RowProblem
from contracts.batch.orders import make_orders
from contracts.failures import Failure, FailureCategory, FailureError
from contracts.import_order import ImportOrder
from tasks.authorise import check_whole_order, permit_of

_COLUMNS = {
    FailureCategory.UNKNOWN_USER: "user",
    FailureCategory.UNKNOWN_GROUP: "group",
    FailureCategory.NOT_A_MEMBER: "user",
    FailureCategory.NOT_CONFIGURED: "group",
}
#: What these say is wrong with the file, not with its place.
_OF_THE_PATH = "path"


def check_rows(server: OmeroServer, storage: ImageStorage, manifest: Manifest) -> Manifest:
    """The manifest with the rows that may be imported; what is refused has become a problem of its line.

    Raises:
        FailureError: what can be tried again, such as OMERO_UNREACHABLE: then nothing is known of the rows.
    """
    lines = {_key(row): row.line for row in manifest.rows}
    refused: dict[object, RowProblem] = {}
    for order in make_orders(manifest.rows):
        refused |= _check_order(server, storage, order, lines)
    rows = tuple(row for row in manifest.rows if _key(row) not in refused)
    # What is wrong with a whole order is said once for each line, though a folder's line stands for many images.
    problems = {
        (problem.line, problem.column, problem.failure.summary): problem for problem in refused.values()
    }.values()
    return Manifest(rows=rows, problems=manifest.problems + tuple(sorted(problems, key=lambda found: found.line)))


def _check_order(
    server: OmeroServer, storage: ImageStorage, order: ImportOrder, lines: dict[object, int]
) -> dict[object, RowProblem]:
    """What may not be imported, by `_key`."""
    of_files = [_file_key(order, file.path, file.series) for file in order.files]
    try:
        with server.as_user(order.user, order.group) as session:
            check_whole_order(order, session, storage)
    except Exception as error:
        failure = classify(error, f"check {order.title!r}").failure
        if failure.retryable:
            raise FailureError(failure) from error
        column = _COLUMNS.get(failure.category, order.destination.type.value.lower())
        return {key: RowProblem(line=lines[key], column=column, failure=failure) for key in of_files}
    return {
        key: RowProblem(line=lines[key], column=_OF_THE_PATH, failure=permit)
        for key, file in zip(of_files, order.files, strict=True)
        if isinstance(permit := permit_of(order, storage, file), Failure)
    }


def _key(row: ManifestRow) -> object:
    destination = row.destination.model_copy(update={"label": None})
    return (row.user, row.group, destination, row.path, row.series)


def _file_key(order: ImportOrder, path: str, series: str | None) -> object:
    return (order.user, order.group, order.destination, path, series)
