"""How the command line says that something failed: one sentence, the detail, what to do next."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec

import typer
from rich.console import Console
from rich.markup import escape

from contracts.failures import Failure, FailureError

console = Console()
errors = Console(stderr=True)

P = ParamSpec("P")


def say(failure: Failure) -> None:
    """Print a failure on standard error."""
    category = f"[dim]({failure.category.value})[/]"
    errors.print(f"[bold red]✗[/] {escape(failure.summary)} {category}", highlight=False, soft_wrap=True)
    if failure.detail:
        errors.print(f"  [dim]{escape(failure.detail)}[/]", highlight=False, soft_wrap=True)
    errors.print(f"  {escape(failure.next_step)}", highlight=False, soft_wrap=True)


def reported(command: Callable[P, None]) -> Callable[P, None]:
    """A command whose FailureError ends it with exit code 1 and no stack trace."""

    @functools.wraps(command)
    def wrapped(*arguments: P.args, **named: P.kwargs) -> None:
        try:
            command(*arguments, **named)
        except FailureError as error:
            say(error.failure)
            raise typer.Exit(1) from None

    return wrapped
