"""`omero-flows`: every command is in the file of its name and is registered here.

A command's file imports what is heavy (prefect, omero) inside its function: the command line must
answer `--help` and mistakes at once.
"""

from __future__ import annotations

import typer

from cli import (
    analyse,
    batch,
    cancel,
    cluster,
    demo,
    deploy,
    doctor,
    import_order,
    metrics,
    migrate,
    retry,
    runs,
    sandbox,
    schema,
    secrets,
    show,
    worker,
    workflows,
)

app = typer.Typer(
    name="omero-flows",
    help="Import images into OMERO and analyse them; every order and run is a Prefect flow run.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command(name="import")(import_order.import_files)
app.command()(analyse.analyse)
app.add_typer(batch.app, name="batch")
app.command()(runs.runs)
app.command()(show.show)
app.command()(retry.retry)
app.command()(cancel.cancel)
app.command()(doctor.doctor)
app.command()(metrics.metrics)
app.command()(deploy.deploy)
app.command()(worker.worker)
app.command()(schema.schema)
app.add_typer(workflows.app, name="workflows")
app.add_typer(migrate.app, name="migrate")
app.add_typer(cluster.app, name="cluster")
app.add_typer(secrets.app, name="secrets")
app.add_typer(sandbox.app, name="sandbox")
app.command()(demo.demo)


if __name__ == "__main__":
    app()
