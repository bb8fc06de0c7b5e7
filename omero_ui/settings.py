"""The panel's settings, as OMERO.web reads them from its configuration (`omero config set`).

OMERO.web imports this module when it starts and sets each name from its key. Secrets are not among them: OMERO.web
logs its settings, and `omero config get` shows them.
"""

from __future__ import annotations

from typing import Any

from contracts.descriptor_host import USUAL_HOSTS

#: Prefect's API, reached from the server side alone.
PREFECT_API: str
#: A file that holds `user:password` of Prefect's API; "" when it asks for none.
PREFECT_AUTH_FILE: str
#: Where nginx shows the Prefect UI to OMERO's admins, on the panel's own origin; "" when it does not.
PREFECT_UI: str
#: Hosts from which admins may add workflows in the panel.
DESCRIPTOR_HOSTS: tuple[str, ...]
#: The account of OMERO that keeps forms and what was filled in; "" for none.
FORMS_USER: str
#: A file that holds its password.
FORMS_PASSWORD_FILE: str


def _api(text: str) -> str:
    address = text.strip().rstrip("/")
    if not address.startswith(("http://", "https://")):
        raise ValueError("needs an address such as http://127.0.0.1:4200/api")
    return address


def _path(text: str) -> str:
    path = text.strip()
    if path and not (path.startswith("/") and path.endswith("/") and not path.startswith("//")):
        raise ValueError("needs a path such as /prefect/")
    return path


def _hosts(text: str) -> tuple[str, ...]:
    return tuple(host.lower() for host in text.replace(",", " ").split())


CUSTOM_SETTINGS_MAPPINGS: dict[str, list[Any]] = {
    "omero.web.flows.prefect_api": [
        "PREFECT_API",
        "http://127.0.0.1:4200/api",
        _api,
        "Address of Prefect's API. Browsers never need to reach it.",
    ],
    "omero.web.flows.prefect_auth_file": [
        "PREFECT_AUTH_FILE",
        "",
        str.strip,
        "A file with user:password of Prefect's API, readable for OMERO.web alone.",
    ],
    "omero.web.flows.prefect_ui": [
        "PREFECT_UI",
        "",
        _path,
        "Path at which the web server shows the Prefect UI to OMERO's administrators, such as /prefect/.",
    ],
    "omero.web.flows.forms_user": [
        "FORMS_USER",
        "",
        str.strip,
        "The account of OMERO that keeps forms: an administrator whom no person is, the formmaster of OMERO.forms.",
    ],
    "omero.web.flows.forms_password_file": [
        "FORMS_PASSWORD_FILE",
        "",
        str.strip,
        "A file with that account's password, readable for OMERO.web alone.",
    ],
    "omero.web.flows.descriptor_hosts": [
        "DESCRIPTOR_HOSTS",
        " ".join(USUAL_HOSTS),
        _hosts,
        "Hosts from which administrators may add workflows in the panel, with spaces between them.",
    ],
}
