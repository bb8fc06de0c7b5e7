"""Plates that go to the cluster whole, each as one OME-Zarr: for workflows that take plates, and OME-Zarr."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contracts.staged_input import StagedForm
from contracts.staging_plan import PlannedPlate, StoreIdentity
from converters.ome_zarr_plate import count_fields, field_path, plate_files
from tasks.analysis_inputs import InputImage, ResolvedInputs
from tasks.input_formats import InputFormats
from tasks.input_queries import RegisteredStore
from tasks.original_files import path_on_cluster
from tasks.original_stores import OriginalStores
from tasks.staged_names import plate_name


@dataclass(frozen=True)
class WholePlate:
    """A plate. `fields`: where each of its images lies in it. Without a store it is written."""

    id: int
    name: str
    file_name: str
    fields: Mapping[int, str]
    store: StoreIdentity | None = None
    link: str | None = None

    @property
    def form(self) -> StagedForm:
        """How its images come to the cluster."""
        if self.store is None:
            return StagedForm.OME_ZARR
        return StagedForm.ORIGINAL_ZARR if self.link is None else StagedForm.LINK

    def planned(self, task: int) -> PlannedPlate:
        around = (
            0 if self.store else sum(file.size for file in plate_files(self.name, count_fields(self.fields.values())))
        )
        return PlannedPlate(
            plate=self.id,
            name=self.name,
            file_name=self.file_name,
            task=task,
            size=around if self.store is None else self.store.size,
            store=self.store,
            link=self.link,
        )


class WholePlates:
    """Chooses the plates of a run that go whole. `taken`: the workflow takes plates."""

    def __init__(
        self, stores: OriginalStores, formats: InputFormats, mounts: Mapping[str, str], *, taken: bool
    ) -> None:
        self._stores = stores
        self._formats = formats
        self._mounts = mounts
        self._taken = taken

    def choose(self, resolved: ResolvedInputs, registered: Mapping[int, RegisteredStore]) -> list[WholePlate]:
        """A plate that is an OME-Zarr already, as it is; others, if nothing but OME-Zarr can be written.

        An image that lies in two plates goes with the first.

        Raises:
            FailureError: as `OriginalStores.find_plate` does.
        """
        if not (self._taken and self._formats.takes_ome_zarr):
            return []
        images: dict[int, list[InputImage]] = defaultdict(list)
        for image in resolved.images:
            if image.field is not None:
                images[image.field.plate].append(image)
        chosen: list[WholePlate] = []
        for plate, inside in images.items():
            name = resolved.plates[plate].name
            file_name = plate_name(plate, name)
            found = self._stores.find_plate([image.seen for image in inside], registered)
            if found is not None:
                store, fields = found
                link = path_on_cluster(store.path, self._mounts)
                chosen.append(WholePlate(plate, name, file_name, fields, store, link))
            elif self._formats.written_form is StagedForm.OME_ZARR:
                chosen.append(WholePlate(plate, name, file_name, _number_fields(inside)))
        return chosen


def _number_fields(images: Sequence[InputImage]) -> dict[int, str]:
    """Where each image is written; the fields of a well by their numbers in OMERO."""
    wells: dict[tuple[int, int], int] = defaultdict(int)
    found: dict[int, str] = {}
    for field in sorted(image.field for image in images if image.field is not None):
        found[field.image] = field_path(field.row, field.column, wells[field.row, field.column])
        wells[field.row, field.column] += 1
    return found
