"""What became of the keys of a BIOMERO site's files, as tables in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from cli.plain_text import escape
from contracts.cluster_settings import ClusterSettings
from contracts.slurm_config.report import MigratedKey, Outcome

_COLOURS = {Outcome.TAKEN: "green", Outcome.CHANGED: "yellow", Outcome.NOT_NEEDED: "dim", Outcome.NOT_HONOURED: "red"}


def table_of_keys(keys: Sequence[MigratedKey], title: str = "Every key of the file") -> Table:
    """A line a key, below its section."""
    table = Table(title=escape(title), title_justify="left", title_style="bold")
    table.add_column("Key and value", overflow="fold", ratio=1)
    table.add_column("Is", no_wrap=True)
    table.add_column("Became, or why not", overflow="fold", ratio=1)
    section = None
    for key in keys:
        if key.section != section:
            section = key.section
            table.add_row(f"[bold]{escape(f'[{section}]')}[/]", "", "")
        said = "\n".join(filter(None, (key.became, key.reason)))
        outcome = f"[{_COLOURS[key.outcome]}]{key.outcome.value}[/]"
        table.add_row(f"{escape(key.key)} = [dim]{escape(key.value)}[/]", outcome, escape(said))
    return table


def table_of_cluster(cluster: ClusterSettings) -> Table:
    """A line a setting that is set."""
    table = Table(title="The cluster", title_justify="left", title_style="bold")
    table.add_column("Setting")
    table.add_column("Value", overflow="fold")
    for name, value in cluster.model_dump(mode="json").items():
        for inner, word in value.items() if isinstance(value, dict) else [("", value)]:
            if word not in (None, []):
                said = ", ".join(word) if isinstance(word, list) else str(word)
                table.add_row(f"{name}.{inner}" if inner else name, escape(said))
    return table


def count_keys(keys: Sequence[MigratedKey]) -> str:
    """`72 keys (24 taken, 10 changed, 38 not needed)`."""
    counts = {outcome: sum(key.outcome is outcome for key in keys) for outcome in Outcome}
    said = ", ".join(f"{count} {outcome.value}" for outcome, count in counts.items() if count)
    return f"{len(keys)} keys ({said})"
