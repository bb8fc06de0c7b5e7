"""The blocks against Prefect's own test suite for blocks."""

from __future__ import annotations

import pytest
from prefect.blocks.core import Block
from prefect.testing.standard_test_suites import BlockStandardTestSuite

from blocks.analysis_rules import AnalysisRules
from blocks.container_engine import ContainerEngine
from blocks.image_storage import ImageStorage
from blocks.mail_server import MailServer
from blocks.omero_server import OmeroServer
from blocks.slurm_cluster import SlurmCluster
from blocks.watched_folders import WatchedFolders
from blocks.workflow_catalogue import WorkflowCatalogue


class Offline(BlockStandardTestSuite):
    """Prefect's suite without the test that downloads each logo."""

    @pytest.mark.skip(reason="downloads the logo from the internet")
    def test_has_a_valid_image(self, block: type[Block]) -> None: ...


class TestOmeroServer(Offline):
    @pytest.fixture
    def block(self) -> type[Block]:
        return OmeroServer


class TestImageStorage(Offline):
    @pytest.fixture
    def block(self) -> type[Block]:
        return ImageStorage


class TestContainerEngine(Offline):
    @pytest.fixture
    def block(self) -> type[Block]:
        return ContainerEngine


class TestWorkflowCatalogue(Offline):
    @pytest.fixture
    def block(self) -> type[Block]:
        return WorkflowCatalogue


class TestSlurmCluster(Offline):
    @pytest.fixture
    def block(self) -> type[Block]:
        return SlurmCluster


class TestWatchedFolders(Offline):
    @pytest.fixture
    def block(self) -> type[Block]:
        return WatchedFolders


class TestAnalysisRules(Offline):
    @pytest.fixture
    def block(self) -> type[Block]:
        return AnalysisRules


class TestMailServer(Offline):
    @pytest.fixture
    def block(self) -> type[Block]:
        return MailServer


del Offline
