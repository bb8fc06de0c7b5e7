"""The panel's tabs, in the order they are shown."""

from __future__ import annotations

from dataclasses import dataclass

from omero_ui.visitor import Visitor


@dataclass(frozen=True)
class Tab:
    """`address`: the name of its page in `omero_ui/urls.py`."""

    name: str
    label: str
    address: str
    admins_only: bool = False


TABS = (
    Tab("import", "Import", "flows:import"),
    Tab("analyse", "Analyse", "flows:analyse"),
    Tab("runs", "Runs", "flows:runs"),
    Tab("forms", "Forms", "flows:forms"),
    Tab("admin", "Admin", "flows:admin", admins_only=True),
)


def tabs_for(visitor: Visitor) -> list[Tab]:
    return [tab for tab in TABS if visitor.is_admin or not tab.admins_only]
