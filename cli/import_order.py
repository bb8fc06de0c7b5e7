"""`omero-flows import`: place an import order and watch it."""

from __future__ import annotations

import asyncio
import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.failures import console, errors, reported, say
from cli.filled_forms import read_filled_forms
from cli.site import use_site
from cli.typed import make_typed
from contracts.destination import Destination, DestinationType
from contracts.failures import Failure, FailureCategory, fail
from contracts.import_order import MOST_FILES, ImportEngine, ImportOrder
from contracts.preprocessing import Preprocessing

#: Refused files that are named one by one.
MOST_SAID = 20

if TYPE_CHECKING:
    from blocks.image_storage import ImageStorage


@reported
def import_files(
    files: Annotated[list[str], typer.Argument(help="Files: in the group's folder, or relative to it.")],
    user: Annotated[str, typer.Option("--as", help="Login name of the OMERO user who will own the images.")],
    group: Annotated[str, typer.Option(help="OMERO group.")],
    dataset: Annotated[str | None, typer.Option(help="Name (found or created) or id:NUMBER.")] = None,
    screen: Annotated[str | None, typer.Option(help="Name (found or created) or id:NUMBER; for plates.")] = None,
    project: Annotated[str | None, typer.Option(help="Project of a dataset given by name.")] = None,
    convert: Annotated[str | None, typer.Option(help="Convert with the built-in converter, to: ometiff.")] = None,
    container: Annotated[str | None, typer.Option(help="Convert with this container image.")] = None,
    option: Annotated[list[str] | None, typer.Option(help="key=value for the converter.")] = None,
    key: Annotated[list[str] | None, typer.Option("--key", help="key=value to write on every image.")] = None,
    form: Annotated[str | None, typer.Option(help="Name of a form to fill in for the destination.")] = None,
    field: Annotated[list[str] | None, typer.Option(help="Of that form: key=text, or key:=JSON.")] = None,
    form_file: Annotated[Path | None, typer.Option(help='Forms: a file of JSON, {"NAME": {"key": "value"}}.')] = None,
    engine: Annotated[ImportEngine, typer.Option(help="How OMERO is given the files.")] = ImportEngine.IN_PLACE,
    hash_sources: Annotated[bool, typer.Option("--hash", help="Read every file and record its SHA-256.")] = False,
    token: Annotated[str | None, typer.Option("--uuid", help="The order's UUID; the same one is placed once.")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Place the order and return.")] = False,
    settings: Annotated[Path | None, typer.Option(help="The site's settings (site.toml).")] = None,
) -> None:
    """Import image files into OMERO, in place; each becomes an image, or a plate, exactly once."""
    use_site(settings)
    asyncio.run(
        _place(
            files,
            user,
            group,
            destination_of(dataset, screen, project),
            _preprocessing(convert, container, option or []),
            _pairs(key or [], "--key"),
            read_filled_forms(form, field or [], form_file),
            engine,
            hash_sources,
            token,
            detach,
        )
    )


async def _place(
    files: list[str],
    user: str,
    group: str,
    destination: Destination,
    preprocessing: Preprocessing | None,
    key_values: dict[str, str],
    forms: list[dict[str, Any]],
    engine: ImportEngine,
    hash_sources: bool,
    token: str | None,
    detach: bool,
) -> None:
    from cli.flow_runs import parse_token
    from cli.watch import watch
    from tasks.order_run import load_blocks
    from tasks.placing import place_order
    from tasks.prefect_client import prefect_client

    if not 1 <= len(files) <= MOST_FILES:
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"An order holds 1 to {MOST_FILES:,} files, not {len(files):,}.",
            next_step="Split it into several orders.",
        )
    async with prefect_client() as client:
        server, storage = await load_blocks()
        with server.as_user(user, group) as session:
            from tasks.authorise import check_order

            await asyncio.to_thread(lambda: session.gateway)  # who orders is known before what is looked at
            order = make_typed(
                ImportOrder,
                "order",
                {
                    "uuid": parse_token(token) if token else uuid.uuid4(),
                    "user": user,
                    "group": group,
                    "destination": destination,
                    "files": [{"path": _relative(storage, group, file)} for file in files],
                    "preprocessing": preprocessing,
                    "engine": engine,
                    "key_values": list(key_values.items()),
                    "hash_sources": hash_sources,
                    "forms": forms,
                },
            )
            refused = [
                permit
                for permit in await asyncio.to_thread(check_order, order, session, storage)
                if isinstance(permit, Failure)
            ]
        if refused:
            for failure in refused[:MOST_SAID]:
                say(failure)
            if len(refused) > MOST_SAID:
                errors.print(f"... and {len(refused) - MOST_SAID} more.", highlight=False)
            errors.print(f"[bold]{len(refused)} of {len(order.files)} files are refused; nothing was placed.[/]")
            raise typer.Exit(1)
        run = await place_order(client, order)
        console.print(f"Order [bold]{order.uuid}[/]: {order.title}", highlight=False)
        if detach:
            console.print(f"See it with: omero-flows show {order.uuid}", highlight=False)
            return
        succeeded = await watch(client, run, order, server.web_url)
    if not succeeded:
        raise typer.Exit(1)


def _relative(storage: ImageStorage, group: str, file: str) -> str:
    """The file's path inside the group's folder.

    Raises:
        FailureError: PATH_OUTSIDE_FOLDER, BAD_REQUEST for a name that no order can hold.
    """
    from blocks.storage_path import check_path

    path = storage.relative(group, file)
    check_path(path, f"the folder of group {group!r}, {storage.folder(group)}")
    return path


def destination_of(dataset: str | None, screen: str | None, project: str | None) -> Destination:
    """A destination as typed: a name, or id:NUMBER.

    Raises:
        FailureError: BAD_REQUEST.
    """
    from pydantic import ValidationError

    if (dataset is None) == (screen is None):
        raise fail(
            FailureCategory.BAD_REQUEST, "Say where the images go.", next_step="Give either --dataset or --screen."
        )
    kind = DestinationType.DATASET if dataset is not None else DestinationType.SCREEN
    text = dataset if dataset is not None else str(screen)
    try:
        if by_id := re.fullmatch(r"id:(\d+)", text):
            return Destination(type=kind, id=int(by_id.group(1)), project=project)
        return Destination(type=kind, name=text, project=project)
    except ValidationError as error:
        raise fail(
            FailureCategory.BAD_REQUEST,
            "The destination is not right.",
            detail=error.errors()[0]["msg"],
            next_step="Correct --dataset, --screen or --project.",
        ) from None


def _preprocessing(convert: str | None, container: str | None, options: list[str]) -> Preprocessing | None:
    from pydantic import ValidationError

    if convert is not None and container is not None:
        raise fail(
            FailureCategory.BAD_REQUEST, "A file is converted once.", next_step="Give either --convert or --container."
        )
    given = _pairs(options, "--option")
    if convert is None and container is None:
        if given:
            raise fail(
                FailureCategory.BAD_REQUEST,
                "--option is for a converter, and none is named.",
                next_step="Add --convert or --container.",
            )
        return None
    try:
        if container is not None:
            return Preprocessing(converter=container, options=given)
        return Preprocessing(converter="builtin", options={"outputformat": str(convert), **given})
    except ValidationError as error:
        raise fail(
            FailureCategory.BAD_REQUEST,
            "The converter is not right.",
            detail=error.errors()[0]["msg"],
            next_step="Correct --container or --option.",
        ) from None


def _pairs(texts: list[str], option: str) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise fail(
                FailureCategory.BAD_REQUEST,
                f"{option} {text!r} is not key=value.",
                next_step=f"Write {option} key=value.",
            )
        pairs[name.strip()] = value
    return pairs
