"""A CSV as a table of OMERO, attached to its input or to what stands for the run as a whole.

OMERO writes a table in many steps, so one that was cut short is deleted and made anew: it is known by the path of its
file, which holds the result's token. It exists for clients from the moment it is attached, which is one transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any

import omero.grid
from omero.gateway import BlitzGateway
from omero.rtypes import rstring, unwrap
from omero.sys import ParametersI
from prefect import get_run_logger, task

from blocks.omero_failures import classify
from contracts.failures import FailureCategory, FailureError, fail
from contracts.run_results import Result, ResultKind
from tasks.attachments import description, link_file, upload_path
from tasks.csv_columns import ColumnKind, CsvColumn, find_columns
from tasks.csv_rows import ROWS_AT_ONCE, CsvRows, no_table
from tasks.deletion import delete_object
from tasks.result_evidence import find_file
from tasks.result_files import copy_result, open_result
from tasks.result_home import find_homes
from tasks.result_key_values import result_key_values
from tasks.result_plan import BelongingFile
from tasks.result_run import ResultRun, result_token
from tasks.retries import BRIEF_DELAYS, is_retryable

#: Bytes of rows that go to OMERO in one call; and of a whole table: OMERO keeps every cell of a column as wide as its
#: widest, so that one long text in a million rows fills a disk.
BYTES_AT_ONCE, LARGEST_TABLE = 1 << 23, 4 << 30
#: The column of the image that a row is about: clients know it by its class.
IMAGE_COLUMN = "Image"
_IMAGE_HEADINGS = frozenset({"image", "imageid", "omeroimage", "omeroimageid"})
_CLASSES = {
    ColumnKind.LONG: omero.grid.LongColumn,
    ColumnKind.DOUBLE: omero.grid.DoubleColumn,
    ColumnKind.BOOLEAN: omero.grid.BoolColumn,
}


def _cache_key(context: Any, parameters: dict[str, Any]) -> str:
    return f"table-{result_token(parameters['run'].token, ResultKind.TABLE, parameters['table'].file.path)}"


@task(
    name="make-table",
    task_run_name="table of {table.file.path}",
    persist_result=True,
    result_serializer="json",
    cache_key_fn=_cache_key,
    retries=len(BRIEF_DELAYS),
    retry_delay_seconds=BRIEF_DELAYS,
    retry_condition_fn=is_retryable,
)
async def make_table(run: ResultRun, table: BelongingFile) -> Result:
    """Make a table of one CSV and attach it.

    Raises:
        FailureError: BROKEN_FILE naming the line, OMERO_REFUSED where OMERO has no tables, and as `attach`.
    """
    log = get_run_logger()
    try:
        made = await run.in_thread(table_once, run, table, log)
    except FailureError:
        raise
    except Exception as error:
        raise classify(error, f"make a table of {table.file.path!r}") from error
    log.info("%s: table of %s rows%s", made.path, made.count, " (was there already)" if made.was_there else "")
    return made


def table_once(run: ResultRun, table: BelongingFile, log: Any) -> Result:
    """Leave exactly one table of this CSV, whatever was there before."""
    file, input = table.file, table.input
    gateway = run.session.gateway
    token = result_token(run.token, ResultKind.TABLE, file.path)
    done = Result(
        path=file.path,
        kind=ResultKind.TABLE,
        object_type="FileAnnotation",
        object_id=0,
        input=input.image if input is not None else None,
    )
    found = find_file(gateway, token)
    if found is not None:
        _rename(gateway, found.file, file.name)
        return done.model_copy(
            update={"object_id": found.annotation, "count": int(found.pairs["Rows"]), "was_there": True}
        )
    homes = find_homes(run, input, log)
    with open_result(run.storage, run.group, file) as stream:
        copy_result(stream, file, lambda chunk: None)  # its checksum, before anything is made of it
    plan = _examine(run, table)
    path = upload_path(token) + file.name
    _delete_leftovers(gateway, path)
    original = _write(run, table, plan, path)
    key_values = result_key_values(run, ResultKind.TABLE, file.path, file.task, input, file.sha256)
    *others, (namespace, identity, pairs) = key_values
    with_rows = (*others, (namespace, identity, (*pairs, ("Rows", str(plan.rows)))))
    annotation = link_file(gateway, original, homes, description(run), with_rows)
    _rename(gateway, original, file.name)
    return done.model_copy(update={"object_id": annotation, "count": plan.rows})


class _Plan:
    """The columns of the table to be. `images`: which column holds ids of images; `input`: the id all rows get."""

    def __init__(self, columns: Sequence[CsvColumn], rows: int, images: int | None, input: int | None) -> None:
        self.columns = columns
        self.rows = rows
        self.images = images
        self.input = input
        self.row_bytes = sum(column.width if column.kind is ColumnKind.STRING else 8 for column in columns) + 8

    def make(self, cells: Sequence[Sequence[str]]) -> list[Any]:
        """Columns of OMERO, with the values of some rows; `cells` are columns of text."""
        made = []
        for index, (column, texts) in enumerate(zip(self.columns, cells, strict=True)):
            values = column.values(texts)
            if index == self.images:
                made.append(omero.grid.ImageColumn(column.name, column.heading, values))
            elif column.kind is ColumnKind.STRING:
                made.append(omero.grid.StringColumn(column.name, column.heading, column.width, values))
            else:
                made.append(_CLASSES[column.kind](column.name, column.heading, values))
        if self.input is not None:
            count = len(cells[0]) if cells else 0
            made.insert(0, omero.grid.ImageColumn(IMAGE_COLUMN, "Input image", list(repeat(self.input, count))))
        return made


def _examine(run: ResultRun, table: BelongingFile) -> _Plan:
    file, input = table.file, table.input
    with open_result(run.storage, run.group, file) as stream:
        columns, rows = find_columns(CsvRows(stream, file.name))
    images = _find_image_column(run, table, columns)
    if images is None and input is not None:
        with open_result(run.storage, run.group, file) as stream:
            columns, rows = find_columns(CsvRows(stream, file.name), taken=[IMAGE_COLUMN])
    plan = _Plan(columns, rows, images, input.image if input is not None and images is None else None)
    if plan.row_bytes * max(1, rows) > LARGEST_TABLE:
        widest = max(columns, key=lambda column: column.width)
        raise no_table(
            file.name, f"a cell of {widest.heading!r} has {widest.width} bytes, and OMERO makes all {rows} rows as wide"
        )
    return plan


def _find_image_column(run: ResultRun, table: BelongingFile, columns: Sequence[CsvColumn]) -> int | None:
    """The column of whole numbers whose heading says image and whose every number is an input's id."""
    ids = {str(item.image) for item in run.staged}
    for index, column in enumerate(columns):
        heading = "".join(character for character in column.heading.lower() if character.isalnum())
        if column.kind is ColumnKind.LONG and heading in _IMAGE_HEADINGS:
            with open_result(run.storage, run.group, table.file) as stream:
                rows = CsvRows(stream, table.file.name)
                if all(row[index].strip() in ids for chunk in rows.chunks() for row in chunk):
                    return index
    return None


def _delete_leftovers(gateway: BlitzGateway, path: str) -> None:
    """Delete tables that earlier attempts began and nobody refers to."""
    rows = unwrap(
        gateway.c.sf.getQueryService().projection(
            "select f.id from OriginalFile f where f.path = :path", ParametersI().addString("path", path)
        )
    )
    for (file,) in rows:
        delete_object(gateway, "OriginalFile", file)


def _write(run: ResultRun, table: BelongingFile, plan: _Plan, path: str) -> int:
    """Write all rows to a new table; returns the id of its OriginalFile."""
    resources = run.session.gateway.c.sf.sharedResources()
    repository = resources.repositories().descriptions[0].getId().getValue()
    made = resources.newTable(repository, path)
    if made is None:
        raise fail(
            FailureCategory.OMERO_REFUSED,
            f"OMERO made no table of {table.file.name!r}: its tables service is not running.",
            next_step="Ask an administrator to start OMERO.tables, or order the run with its tables as attachments.",
        )
    try:
        made.initialize(plan.make([[] for _ in plan.columns]))
        for cells in _columns_of_text(run, table, plan):
            run.check_not_cancelled(f"fill the table of {table.file.name!r}")
            made.addData(plan.make(cells))
        return int(made.getOriginalFile().getId().getValue())
    finally:
        made.close()


def _columns_of_text(run: ResultRun, table: BelongingFile, plan: _Plan) -> Iterator[list[tuple[str, ...]]]:
    size = max(1, min(ROWS_AT_ONCE, BYTES_AT_ONCE // plan.row_bytes))
    with open_result(run.storage, run.group, table.file) as stream:
        for chunk in CsvRows(stream, table.file.name).chunks(size):
            yield list(zip(*chunk, strict=True))


def _rename(gateway: BlitzGateway, file: int, name: str) -> None:
    """Give a table's file the name that people know; OMERO names a new table by its path."""
    original = gateway.c.sf.getQueryService().get("OriginalFile", file)
    if unwrap(original.name) != name:
        original.setName(rstring(name))
        gateway.c.sf.getUpdateService().saveObject(original)
