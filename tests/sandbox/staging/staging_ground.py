"""Images in OMERO to analyse, made of real imports and of pixels that a client wrote."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from omero.gateway import BlitzGateway
from omero.model import DatasetI, DimensionOrderI, ImageI, PixelsI, PixelsTypeI, PlateI
from omero.rtypes import rint, rstring, unwrap
from pydantic import SecretStr

from blocks.image_storage import ImageStorage
from blocks.omero_server import OmeroServer
from blocks.omero_session import OmeroSession
from contracts.analysis_run import AnalysisInputs, AnalysisRun, ResultOptions, Workflow
from contracts.staging_plan import StagingPlan
from sandbox.site import Site
from tasks.staging_plan import ClusterInputs, make_staging_plan
from tests.sandbox.omero_pixels.omero_client import import_files

#: What staging must not write.
COUNTED = ("Image", "Fileset", "OriginalFile", "Annotation", "Dataset", "Pixels")


def log_in(site: Site, user: str) -> BlitzGateway:
    gateway = BlitzGateway(user, site.password(user), host=site.omero_host, port=site.omero_port, secure=True)
    assert gateway.connect()
    gateway.c.enableKeepAlive(30)
    return gateway


@dataclass
class Ground:
    """Alice's data, and the blocks that a run has. `folder` lies in lab-a's image storage."""

    site: Site
    folder: Path
    alice: BlitzGateway
    root: BlitzGateway

    @property
    def storage(self) -> ImageStorage:
        return ImageStorage(root=str(self.site.storage))

    @property
    def server(self) -> OmeroServer:
        return OmeroServer(
            host=self.site.omero_host,
            port=self.site.omero_port,
            sudo_user="importer",
            password=SecretStr(self.site.password("importer")),
        )

    # ---- what there is to analyse

    def dataset(self, name: str | None = None, group: str = "lab-a") -> int:
        dataset = DatasetI()
        dataset.setName(rstring(name or f"staging {uuid.uuid4()}"))
        return int(self._save(dataset, group))

    def bare_image(self, name: str, group: str = "lab-a") -> int:
        """An image without pixels."""
        image = ImageI()
        image.setName(rstring(name))
        return int(self._save(image, group))

    def unwritten_image(self, name: str, type: str) -> int:
        """An image of one pixel whose bytes nobody ever wrote."""
        pixels = PixelsI()
        for axis in "XYZCT":
            getattr(pixels, f"setSize{axis}")(rint(1))
        pixels.setSha1(rstring("none"))
        for setter, enumeration, value in (
            (pixels.setDimensionOrder, DimensionOrderI(), "XYZCT"),
            (pixels.setPixelsType, PixelsTypeI(), type),
        ):
            enumeration.setValue(rstring(value))
            setter(enumeration)
        image = ImageI()
        image.setName(rstring(name))
        image.addPixels(pixels)
        return int(self._save(image, "lab-a"))

    def empty_plate(self) -> int:
        plate = PlateI()
        plate.setName(rstring("empty plate"))
        return int(self._save(plate, "lab-a"))

    def _save(self, made: Any, group: str) -> Any:
        context = self.alice.SERVICE_OPTS.copy()
        context.setOmeroGroup(self.group_id(group))
        return self.alice.getUpdateService().saveAndReturnObject(made, context).id.val

    def group_id(self, name: str) -> int:
        return int(self.root.getObject("ExperimenterGroup", attributes={"name": name}).getId())

    def write_tiff(self, name: str, seed: int = 0, **options: Any) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, np.random.default_rng(seed).integers(0, 4095, (48, 64), np.uint16), **options)
        return path

    def import_files(self, *files: Path, dataset: int | None = None, in_place: bool = True) -> list[int]:
        """Import one fileset; the ids of its images."""
        target = {} if dataset is None else {"userSpecifiedTarget": DatasetI(dataset, False)}
        return import_files(self.alice, files, in_place=in_place, **target).images

    def pixel_image(self, name: str, data: NDArray[Any], dataset: int | None = None) -> int:
        """An image of pixels (t, c, z, y, x) that a client wrote; it has no file."""
        size_t, size_c, size_z = data.shape[:3]
        planes = (data[t, c, z] for z in range(size_z) for c in range(size_c) for t in range(size_t))
        parent = None if dataset is None else self.alice.getObject("Dataset", dataset)
        made = self.alice.createImageFromNumpySeq(planes, name, size_z, size_c, size_t, dataset=parent)
        return int(made.getId())

    def delete(self, kind: str, object_id: int) -> None:
        self.alice.deleteObjects(kind, [object_id], wait=True)

    # ---- runs

    def run(
        self,
        *,
        user: str = "alice",
        group: str = "lab-a",
        results: ResultOptions | None = None,
        batch_size: int | None = None,
        images: Iterable[int] = (),
        datasets: Iterable[int] = (),
        plates: Iterable[int] = (),
        attachments: dict[str, tuple[int, ...]] | None = None,
    ) -> AnalysisRun:
        """A run over these; without `results` nothing of it goes into OMERO, so that no place is needed."""
        return AnalysisRun(
            uuid=uuid.uuid4(),
            user=user,
            group=group,
            workflow=Workflow(name="nuclei"),
            inputs=AnalysisInputs(
                images=tuple(images), datasets=tuple(datasets), plates=tuple(plates), attachments=attachments or {}
            ),
            batch_size=batch_size,
            results=results or ResultOptions(import_images=False),
        )

    def plan(
        self,
        run: AnalysisRun,
        session: OmeroSession,
        *formats: str,
        mounts: dict[str, str] | None = None,
        plates: bool = False,
    ) -> StagingPlan:
        """The plan for a workflow that takes these formats, and with `plates` whole plates."""
        return make_staging_plan(run, session, self.storage, ClusterInputs(formats, mounts or {}, plates))

    # ---- what OMERO and the disk hold

    def census(self) -> dict[str, int]:
        """How many objects of each kind OMERO holds, of all groups, and how many bytes lie in its folder."""
        query = self.root.getQueryService()
        everywhere = {"omero.group": "-1"}
        counts = {
            kind: int(unwrap(query.projection(f"select count(o.id) from {kind} o", None, everywhere))[0][0])
            for kind in COUNTED
        }
        places = (self.site.home.omero / "ManagedRepository", self.site.home.omero / "Files", self.site.storage)
        return counts | {place.name: size_of(place.rglob("*")) for place in places}


def size_of(files: Iterable[Path] | Collection[Path]) -> int:
    return sum(file.lstat().st_size for file in files if file.is_file())
