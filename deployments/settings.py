"""A site's settings, site.toml: where OMERO, the images, the container engine and Prefect are.

Looked for in this sequence: the path that is given, `OMERO_FLOWS_SETTINGS`, `./site.toml`,
`~/.config/omero-flows/site.toml`, `/etc/omero-flows/site.toml`, the sandbox's in
`$OMERO_FLOWS_HOME` or `~/.local/share/omero-flows/site`. Secrets are never in it: it names the
files, or the environment variables, that hold them.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field, ValidationError, model_validator

from contracts.base import Contract
from contracts.batch.analysis_rule import AnalysisRule
from contracts.batch.watch_rule import RuleName, WatchRule
from contracts.failures import FailureCategory, fail
from contracts.import_settings import ImportSettings
from contracts.workflow_entry import WorkflowEntry
from contracts.wrong_fields import wrong_fields

VARIABLE = "OMERO_FLOWS_SETTINGS"
#: Container runtimes whose commands are known (blocks/container_runtime.py).
Runtime = Literal["apptainer", "singularity", "podman", "charliecloud"]


class OmeroSettings(Contract):
    host: str
    port: int = Field(default=4064, ge=1, le=65535)
    sudo_user: str
    password_file: str | None = None
    password_variable: str | None = None
    web_url: str | None = None
    forms_user: str | None = None
    session_minutes: int = Field(default=24 * 60, ge=10)
    parallel_imports: int = Field(default=2, ge=1, le=64)

    @model_validator(mode="after")
    def _password_somewhere(self) -> OmeroSettings:
        if (self.password_file is None) == (self.password_variable is None):
            raise ValueError("name either password_file or password_variable")
        return self


class StorageSettings(Contract):
    root: str
    groups: dict[str, str] = Field(default_factory=dict)
    alternative: str | None = None


class ContainerSettings(Contract):
    """`socket`: path of a Docker or Podman socket. The limits are those of one converter."""

    socket: str
    memory_mb: int = Field(default=8192, ge=64)
    cpus: float = Field(default=2.0, gt=0, strict=False)
    minutes: int = Field(default=240, ge=1)
    pull: bool = True


class ClusterSettings(Contract):
    """A Slurm cluster. Everything else that the SlurmCluster block has may stand here too, by its name there.

    `private_key_file`: an OpenSSH key, no passphrase. `known_hosts_file`: the login node's host keys, as ssh-keyscan
    prints them after you have compared them. `runtime`: the container runtime of the nodes; `container_command` is for
    one that is called in another way.
    """

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    host: str
    user: str
    private_key_file: str
    known_hosts_file: str
    scratch: str
    images: str
    runtime: Runtime = "apptainer"


class BiomeroSettings(Contract):
    """The database of a BIOMERO site whose front ends are kept. Everything else that the BiomeroDatabase block has may
    stand here too, by its name there.
    """

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    host: str
    user: str
    password_file: str


class MailSettings(Contract):
    """The mail server for reports of batches. Everything else that the MailServer block has may stand here too."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    host: str
    sender: str
    recipients: list[str]
    user: str | None = None
    password_file: str | None = None


class PrefectSettings(Contract):
    """`auth_file` holds `user:password`, when the server asks for it."""

    api_url: str
    auth_file: str | None = None


class SiteSettings(Contract):
    omero: OmeroSettings
    storage: StorageSettings
    prefect: PrefectSettings
    containers: ContainerSettings | None = None
    cluster: ClusterSettings | None = None
    biomero: BiomeroSettings | None = None
    mail: MailSettings | None = None
    watched: dict[RuleName, WatchRule] = Field(default_factory=dict)
    analyses: dict[RuleName, AnalysisRule] = Field(default_factory=dict)
    imports: ImportSettings = ImportSettings()
    workflows: dict[str, WorkflowEntry] = Field(default_factory=dict)
    result_storage: str

    def use_prefect(self) -> None:
        """Let this process talk to the site's Prefect. Call it before `prefect` is imported.

        What the environment says already wins.
        """
        os.environ.setdefault("PREFECT_API_URL", self.prefect.api_url)
        if self.prefect.auth_file is not None:
            os.environ.setdefault("PREFECT_API_AUTH_STRING", read_secret(Path(self.prefect.auth_file)))


def read_secret(path: Path) -> str:
    """A secret from a file, without the newline at its end.

    Raises:
        FailureError: NOT_CONFIGURED.
    """
    try:
        return path.read_text("utf-8").rstrip("\n")
    except OSError as error:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            f"The secret in {path} cannot be read.",
            detail=str(error),
            next_step="Make the file readable for the account that runs this command.",
        ) from error


def find_settings(given: Path | None) -> Path | None:
    """The settings file to use; None when there is none anywhere."""
    if given is not None:
        return given
    if named := os.environ.get(VARIABLE):
        return Path(named)
    sandbox = Path(os.environ.get("OMERO_FLOWS_HOME") or Path.home() / ".local/share/omero-flows/site")
    usual = (
        Path("site.toml"),
        Path.home() / ".config/omero-flows/site.toml",
        Path("/etc/omero-flows/site.toml"),
        sandbox / "site.toml",
    )
    return next((path for path in usual if path.is_file()), None)


def load_settings(given: Path | None = None) -> SiteSettings:
    """Read the site's settings.

    Raises:
        FailureError: NOT_CONFIGURED, naming the file and what is wrong in it.
    """
    path = find_settings(given)
    if path is None:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            "There is no site.toml.",
            next_step=f"Give it with --settings, or name it in the environment variable {VARIABLE}.",
        )
    try:
        content = tomllib.loads(path.read_text("utf-8"))
        return SiteSettings.model_validate(content)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise fail(
            FailureCategory.NOT_CONFIGURED, f"{path} cannot be read.", detail=str(error), next_step="Correct the file."
        ) from error
    except ValidationError as error:
        wrong = "; ".join(wrong_fields(error, "file"))
        raise fail(
            FailureCategory.NOT_CONFIGURED, f"{path} is not right.", detail=wrong, next_step="Correct the file."
        ) from error
