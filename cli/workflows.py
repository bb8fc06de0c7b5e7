"""`omero-flows workflows check|list`: descriptors, and the site's catalogue of them."""

from __future__ import annotations

import typer

from cli import workflows_check, workflows_list

app = typer.Typer(help="Workflows: check a descriptor, list what may be run.", no_args_is_help=True)

app.command("check")(workflows_check.check)
app.command("list")(workflows_list.list_workflows)
