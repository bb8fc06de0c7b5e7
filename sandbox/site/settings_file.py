"""`<home>/site.toml`: what the flows and `omero-flows deploy` are told about this site.

Secrets are not in it: it names the files (mode 0600) that hold them.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path

import sandbox.workflows
from sandbox.cluster.access import ClusterAccess
from sandbox.site.accounts import FORM_MASTER, GROUPS, IMPORTER
from sandbox.site.addresses import Addresses
from sandbox.site.home import Home, write_private
from sandbox.workflows.__main__ import WORKFLOWS

DESCRIPTORS = Path(sandbox.workflows.__file__).parent

Value = str | int | float | bool


def render(tables: Mapping[str, Mapping[str, Value]]) -> str:
    """TOML of tables of strings, numbers and booleans; its basic strings are written as JSON's (toml.io, "String")."""
    lines = []
    for table, values in tables.items():
        if table:
            lines.append(f"[{table}]")
        lines.extend(f"{json.dumps(key)} = {json.dumps(value)}" for key, value in values.items())
        lines.append("")
    return "\n".join(lines)


def cluster_settings(home: Home, access: ClusterAccess) -> dict[str, dict[str, Value]]:
    """The sandbox's cluster and its workflow, as a site's settings tell them."""
    key, hosts = home.secrets / "cluster-login-key", home.secrets / "cluster-known-hosts"
    write_private(key, access.private_key)
    write_private(hosts, access.known_hosts + "\n")
    return {
        "cluster": {
            "host": access.host,
            "port": access.port,
            "user": access.user,
            "private_key_file": str(key),
            "known_hosts_file": str(hosts),
            "scratch": access.scratch,
            "images": access.containers,
            "runtime": "charliecloud",
            **({"container_command": access.without_container} if access.without_container else {}),
            "image_ending": access.image_ending,
            "image_pull": f"cp {shlex.quote(access.registry)}/{{file}} {{destination}}",
            "accounting": access.accounting,
            "default_cpus": 1,
            "default_memory_mb": 1000,
            "poll_seconds_least": 2.0,
            "poll_seconds_most": 20.0,
        },
        **({"cluster.mounts": {str(home.storage): access.storage}} if access.storage else {}),
        **{
            f"workflows.{workflow.name}": {
                "path": str(DESCRIPTORS / workflow.name / "descriptor.json"),
                "image": f"omero-flows/{workflow.name}:{workflow.version}",
            }
            for workflow in WORKFLOWS
        },
    }


#: Once nightly imports are on, whoever copies a folder to `inbox/LOGIN/` of lab-a finds it as a dataset in the morning.
WATCHED = {
    "group": "lab-a",
    "pattern": "inbox/{user}/{dataset}/**/*.tif",
    "user": "{user}",
    "dataset": "{dataset}",
    "project": "Inbox",
}


def write_settings(
    home: Home, addresses: Addresses, *, container_socket: Path | None, cluster: ClusterAccess | None = None
) -> None:
    """Write site.toml and the secret files it names, and make the groups' storage folders."""
    importer_password = home.secrets / "omero-importer"
    prefect_auth = home.secrets / "prefect-auth"
    write_private(importer_password, addresses.passwords[IMPORTER.name] + "\n")
    write_private(prefect_auth, addresses.prefect_auth + "\n")
    for group in GROUPS:
        (home.storage / group.folder).mkdir(parents=True, exist_ok=True)
    content = render(
        {
            "": {"result_storage": str(home.results)},
            "omero": {
                "host": addresses.omero_host,
                "port": addresses.ports["omero_ssl"],
                "sudo_user": IMPORTER.name,
                "password_file": str(importer_password),
                "web_url": addresses.web_url,
                "forms_user": FORM_MASTER.name,
            },
            "storage": {"root": str(home.storage)},
            "storage.groups": {group.name: group.folder for group in GROUPS},
            "imports.uploads": {"enabled": True},
            "watched.inbox": WATCHED,
            **({"containers": {"socket": str(container_socket)}} if container_socket else {}),
            **(cluster_settings(home, cluster) if cluster is not None else {}),
            "prefect": {"api_url": addresses.prefect_api, "auth_file": str(prefect_auth)},
        }
    )
    heading = "# Written by the sandbox at every start: a change made by hand is lost.\n"
    write_private(home.settings_file, heading + content)
