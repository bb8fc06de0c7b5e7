"""`omero-flows sandbox up|down|status|logs`: a whole site on this machine, for trying and testing."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from sandbox.cluster.access import ClusterAccess
    from sandbox.site import Site
    from sandbox.site.status import ServiceStatus, SiteStatus

app = typer.Typer(
    help="A whole site on this machine: OMERO, OMERO.web, Prefect, Slurm. For trying and testing only.",
    no_args_is_help=True,
)
console = Console(highlight=False)

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        help="The site's folder. Default: $OMERO_FLOWS_HOME, else ~/.local/share/omero-flows/site.",
        show_default=False,
    ),
]

ClusterOption = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        help="slurm, or local: a job runner that stands for it and needs no root. Default: as before; at first Slurm"
        " where it can run.",
        show_default=False,
    ),
]

#: How a state is shown: a word has its colour, but never the colour alone.
COLOURS = {
    "ready": "green",
    "done": "green",
    "failed": "red",
    "absent": "yellow",
    "held": "yellow",
    "restarting": "yellow",
    "stopped": "red",
}


def open_site(
    home: Path | None, *, database: str | None = None, accounting: bool | None = None, cluster: str | None = None
) -> Site:
    from sandbox.site import Site
    from sandbox.site.addresses import CLUSTERS

    if cluster is not None and cluster not in CLUSTERS:
        raise typer.BadParameter(f"there are {' and '.join(CLUSTERS)}", param_hint="--cluster")
    return Site(home, database=database, known_ports=True, accounting=accounting, cluster=cluster)


def start_site(site: Site, services: list[str] | None = None) -> None:
    """Start the site, a line for every step; ends the command with status 1 when it does not come up."""
    from sandbox.site import SiteFailed

    began = time.monotonic()

    def show(name: str, service: ServiceStatus) -> None:
        if service.state == "waiting":
            return
        took = f"{service.seconds_to_ready:.1f} s" if service.seconds_to_ready and service.state != "starting" else ""
        said = " ".join(part for part in (took, service.detail) if part)
        console.print(
            f"[dim]{time.monotonic() - began:6.1f} s[/]  {name:9}", state_text(service.state), said, soft_wrap=True
        )

    console.print(f"Starting the site in {site.home.root} (all logs: {site.home.logs})", soft_wrap=True)
    try:
        site.start(services, progress=show)
    except SiteFailed as error:
        console.print(f"[red]The site did not come up.[/] {error}", soft_wrap=True)
        console.print(
            "What runs of it goes on running: look at it with `omero-flows sandbox status`, "
            "end it with `omero-flows sandbox down`."
        )
        raise typer.Exit(1) from error
    console.print(f"[green]The site is up[/] after {time.monotonic() - began:.1f} s.")


@app.command()
def up(
    home: HomeOption = None,
    only: Annotated[
        str | None, typer.Option(help="Comma-separated services, or slurm; what they need comes along.")
    ] = None,
    database: Annotated[
        str | None, typer.Option(help="Prefect's database, at the first start: postgresql or sqlite.")
    ] = None,
    accounting: Annotated[
        bool | None,
        typer.Option(
            help="Whether the cluster has slurmdbd. Default: as before, with it at the first start.", show_default=False
        ),
    ] = None,
    cluster: ClusterOption = None,
) -> None:
    """Start the site and leave it up. A site that is up is left as it is."""
    site = open_site(home, database=database, accounting=accounting, cluster=cluster)
    start_site(site, only.split(",") if only else None)
    show_addresses(site)


@app.command()
def down(home: HomeOption = None) -> None:
    """Stop the site and leave no process of it. Its data stay."""
    site = open_site(home)
    with console.status("Stopping the site"):
        left = site.stop()
    if left:
        console.print(f"{left} processes had been left by a supervisor that died; they were ended.")
    console.print(f"The site in {site.home.root} is down; its data are still there.", soft_wrap=True)


@app.command()
def status(home: HomeOption = None) -> None:
    """Show every service, the addresses and the demo accounts. Ends with status 1 when something is not well."""
    site = open_site(home)
    current = site.status()
    if current is None:
        console.print(f"No site was ever started in {site.home.root}: omero-flows sandbox up", soft_wrap=True)
        raise typer.Exit(1)
    console.print(services_table(current))
    if not current.is_running():
        living = [name for name, service in current.services.items() if service.process]
        console.print(
            "The site is down."
            + (
                f" Its supervisor died and left {', '.join(living)}: omero-flows sandbox down ends them."
                if living
                else " Start it with: omero-flows sandbox up"
            )
        )
        raise typer.Exit(1)
    show_addresses(site)
    if any(service.state not in ("ready", "done", "absent") for service in current.services.values()):
        raise typer.Exit(1)


@app.command()
def logs(
    service: Annotated[
        str | None, typer.Argument(help="A service's name, or supervisor; without it the logs there are.")
    ] = None,
    home: HomeOption = None,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many of the last lines.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is added; Ctrl-C ends it.")] = False,
) -> None:
    """Show the end of a service's log, or say which logs there are."""
    site = open_site(home)
    known = sorted(log.stem for log in site.home.logs.glob("*.log"))
    if service is None or service not in known:
        console.print(f"Logs in {site.home.logs}: {', '.join(known) or 'none yet'}", soft_wrap=True)
        raise typer.Exit(0 if service is None else 2)
    print(site.log_end(service, lines))
    if follow:
        follow_file(site.home.log(service))


def follow_file(path: Path) -> None:
    with path.open(encoding="utf-8", errors="replace") as file:
        file.seek(0, 2)
        try:
            while True:
                if text := file.read():
                    print(text, end="", flush=True)
                else:
                    time.sleep(0.3)
        except KeyboardInterrupt:
            return


def state_text(state: str) -> Text:
    return Text(f"{state:10}", style=COLOURS.get(state, ""))


def services_table(current: SiteStatus) -> Table:
    """One row a service: its state, process, how long it took, how often it was restarted, what there is to say."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("Service", "State", "Process", "Started in", "Restarts", ""):
        table.add_column(heading, overflow="fold")
    running = current.is_running()
    for name, service in current.services.items():
        table.add_row(
            name,
            state_text(service.state if running else "stopped"),
            str(service.process.pid) if service.process else "",
            f"{service.seconds_to_ready:.1f} s" if service.seconds_to_ready is not None else "",
            str(service.restarts or ""),
            service.detail,
        )
    return table


def describe_local_cluster(cluster: ClusterAccess) -> str:
    """What stands for Slurm, why, and what runs the workflows there."""
    containers = "in Charliecloud" if cluster.without_container is None else "in this environment, in no container"
    return f"no Slurm but a local job runner: {cluster.local}; workflows run {containers}"


def show_addresses(site: Site) -> None:
    """Where to look, and with which demo account."""
    from sandbox.site.accounts import ACCOUNTS, GROUPS

    addresses = site.addresses
    user, _, password = addresses.prefect_auth.partition(":")
    places = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    places.add_column(no_wrap=True)
    places.add_column(overflow="fold")
    places.add_row("OMERO.web", f"{addresses.web_url}/webclient/")
    places.add_row("Panel", f"{addresses.panel_url}  (imports, analyses, runs; for admins the Prefect UI)")
    places.add_row("Prefect", f"{addresses.prefect_url}  (the page asks for: {user}:{password})")
    places.add_row("OMERO", f"{addresses.omero_host} port {addresses.ports['omero_ssl']}")
    if cluster := site.cluster:
        login = f"ssh -F {site.home.cluster_ssh_config} hpc"
        if cluster.local is None:
            places.add_row("Slurm", f"{login}  (as {cluster.user}, port {cluster.port})")
        else:
            places.add_row("Cluster", f"{login} squeue  ({describe_local_cluster(cluster)})")
    places.add_row("Images", str(site.storage))
    console.print(places)

    accounts = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("Demo account", "Password", "Groups"):
        accounts.add_column(heading, overflow="fold")
    permissions = {group.name: group.permissions for group in GROUPS}
    for account in ACCOUNTS:
        groups = [f"{group} ({permissions[group]})" if group in permissions else group for group in account.groups]
        accounts.add_row(account.name, addresses.passwords[account.name], ", ".join(groups))
    console.print(accounts)
    console.print("[dim]An embedded OMERO for trying and testing: not for data you cannot lose.[/]")
