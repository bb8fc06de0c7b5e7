"""The blocks that site.toml asks for, with the secrets of the files that it names; nothing is saved here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prefect.blocks.core import Block
from pydantic import SecretStr, ValidationError

from blocks.analysis_rules import AnalysisRules
from blocks.biomero_database import BiomeroDatabase
from blocks.container_engine import ContainerEngine
from blocks.container_runtime import RUNTIMES
from blocks.image_storage import ImageStorage
from blocks.import_desk import ImportDesk
from blocks.mail_server import MailServer
from blocks.omero_server import OmeroServer
from blocks.slurm_cluster import SlurmCluster
from blocks.watched_folders import WatchedFolders
from blocks.workflow_catalogue import WorkflowCatalogue
from contracts.failures import FailureCategory, fail
from contracts.wrong_fields import wrong_fields
from deployments.settings import BiomeroSettings, ClusterSettings, MailSettings, SiteSettings, read_secret


def wanted_blocks(settings: SiteSettings) -> list[Block]:
    """Every block of the site, in the sequence in which they are saved.

    Raises:
        FailureError: NOT_CONFIGURED, naming the setting and what is wrong with it.
    """
    blocks: list[Block] = [
        omero_server(settings),
        ImageStorage(**settings.storage.model_dump()),
        import_desk(settings),
    ]
    if settings.containers is not None:
        blocks.append(ContainerEngine(**settings.containers.model_dump()))
    if settings.cluster is not None:
        blocks.append(slurm_cluster(settings.cluster))
    if settings.biomero is not None:
        blocks.append(biomero_database(settings.biomero))
    blocks += [WatchedFolders(rules=settings.watched), AnalysisRules(rules=settings.analyses)]
    if settings.mail is not None:
        blocks.append(mail_server(settings.mail))
    if settings.workflows:
        blocks.append(WorkflowCatalogue(workflows=settings.workflows))
    return blocks


@contextmanager
def _settings_under(section: str) -> Iterator[None]:
    """Around the making of a block from a section of site.toml.

    Raises:
        FailureError: NOT_CONFIGURED, naming the setting and what is wrong with it.
    """
    try:
        yield
    except ValidationError as error:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            f"The settings under [{section}] are not right.",
            detail="; ".join(wrong_fields(error, section)),
            next_step="Correct them in site.toml.",
        ) from error


def mail_server(settings: MailSettings) -> MailServer:
    """The block of a site's mail server.

    Raises:
        FailureError: NOT_CONFIGURED, naming the setting and what is wrong with it.
    """
    given = settings.model_dump(exclude={"password_file"})
    if settings.password_file is not None:
        given["password"] = SecretStr(read_secret(Path(settings.password_file)))
    with _settings_under("mail"):
        return MailServer(**given)


def omero_server(settings: SiteSettings) -> OmeroServer:
    """The block of a site's OMERO.

    Raises:
        FailureError: NOT_CONFIGURED, when its password is not there.
    """
    omero = settings.omero
    if omero.password_file is not None:
        password = read_secret(Path(omero.password_file))
    else:
        password = os.environ.get(str(omero.password_variable), "")
        if not password:
            raise fail(
                FailureCategory.NOT_CONFIGURED,
                f"The variable {omero.password_variable} is not set.",
                next_step="Set it to the password of OMERO's sudo account.",
            )
    return OmeroServer(
        host=omero.host,
        port=omero.port,
        sudo_user=omero.sudo_user,
        password=SecretStr(password),
        web_url=omero.web_url,
        forms_user=omero.forms_user,
        session_minutes=omero.session_minutes,
        parallel_imports=omero.parallel_imports,
    )


def import_desk(settings: SiteSettings) -> ImportDesk:
    return ImportDesk(converters=settings.imports.converters, uploads=settings.imports.uploads)


def slurm_cluster(settings: ClusterSettings) -> SlurmCluster:
    """The block of a site's cluster.

    Raises:
        FailureError: NOT_CONFIGURED, naming the setting and what is wrong with it.
    """
    command, stop = RUNTIMES[settings.runtime]
    given = {"container_command": command, "container_stop": stop}
    given |= settings.model_dump(exclude={"private_key_file", "known_hosts_file", "runtime"})
    key, hosts = read_secret(Path(settings.private_key_file)), read_secret(Path(settings.known_hosts_file))
    with _settings_under("cluster"):
        return SlurmCluster(**given, private_key=SecretStr(key + "\n"), known_hosts=hosts)


def biomero_database(settings: BiomeroSettings) -> BiomeroDatabase:
    """The block of a BIOMERO site's database.

    Raises:
        FailureError: NOT_CONFIGURED, naming the setting and what is wrong with it.
    """
    password = SecretStr(read_secret(Path(settings.password_file)))
    with _settings_under("biomero"):
        return BiomeroDatabase(**settings.model_dump(exclude={"password_file"}), password=password)
