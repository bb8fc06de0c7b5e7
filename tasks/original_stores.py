"""The OME-Zarr that OMERO shows an image of in place, where this worker can read it and the group may.

An image that was registered, and not imported, has its store's address in its ExternalInfo; OMERO's pixel buffer for
OME-Zarr reads it there (github.com/glencoesoftware/omero-zarr-pixel-buffer), BIOMERO and omero-cli-zarr write it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from blocks.stored_tree import identify_tree
from contracts.failures import FailureCategory, FailureError, fail
from contracts.remote_run import ZARR_DOTTED, check_staged_path
from contracts.staging_plan import StoreIdentity
from converters.errors import ConverterError
from converters.image_file import Series
from converters.readers.ome_zarr import image_groups, is_plate, is_store, open_store
from tasks.input_queries import RegisteredStore, SeenImage
from tasks.omero_pixels import PIXEL_TYPES
from tasks.original_files import OriginalFiles

#: Why a store is not used, without anything being wrong: the image is then written from OMERO's pixels.
_NOT_USED = {FailureCategory.FILE_NOT_READABLE, FailureCategory.NOT_A_FILE}


def is_part_of_store(path: str) -> bool:
    """Whether a file, by its path below the store, is Zarr's; what else begins with a dot, file managers left there."""
    parts = path.split("/")
    return parts[-1] in ZARR_DOTTED or not any(part.startswith(".") for part in parts)


class OriginalStores:
    """Finds what may be sent as it is."""

    def __init__(self, files: OriginalFiles) -> None:
        self._files = files

    def find(self, image: SeenImage, registered: RegisteredStore) -> StoreIdentity | None:
        """The folder of the image's own group in its store, as it is now.

        None when this worker does not see it or may not read it, when it lies neither in the group's folder nor in
        OMERO's repository, when it has links in it or names that no cluster is given, or is read by nobody here: OMERO
        may know better.

        Raises:
            FailureError: FILE_NOT_FOUND when it is gone from where the group's files lie, FILE_CHANGED when it has
                another shape than the image in OMERO, STORAGE_UNAVAILABLE.
        """
        folder = _folder_of(registered.address)
        if folder is None:
            return None
        real = Path(os.path.realpath(folder))
        home = self._files.home_of(real)
        if home is None:
            return None
        if not real.is_dir():
            raise _gone(image, real)
        with _left_to_omero():
            if (root := _image_group(real, registered.series)) is not None:
                return _identify(home, root, [(root, image)])
        return None

    def find_plate(
        self, images: Sequence[SeenImage], registered: Mapping[int, RegisteredStore]
    ) -> tuple[StoreIdentity, dict[int, str]] | None:
        """The folder of a plate of which all these images are fields, and where each lies in it.

        None when they are not fields of one OME-Zarr plate, or for what `find` gives None.

        Raises:
            FailureError: as `find` does.
        """
        folders = {image.id: self._seen_folder(registered.get(image.id)) for image in images}
        fields = {image: folder for image, folder in folders.items() if folder is not None and len(folder.parts) > 4}
        roots = {folder.parents[2] for folder in fields.values()}
        if len(fields) != len(images) or len(roots) != 1:
            return None
        (root,) = roots
        home = self._files.home_of(root)
        if home is None:
            return None
        with _left_to_omero():
            if is_plate(root):
                store = _identify(home, root, [(fields[image.id], image) for image in images])
                return store, {image: folder.relative_to(root).as_posix() for image, folder in fields.items()}
        return None

    def _seen_folder(self, registered: RegisteredStore | None) -> Path | None:
        """The folder of a registered image, links resolved, if it is there and the group may read it."""
        folder = None if registered is None else _folder_of(registered.address)
        if folder is None:
            return None
        real = Path(os.path.realpath(folder))
        return real if self._files.home_of(real) is not None and real.is_dir() else None


@contextmanager
def _left_to_omero() -> Iterator[None]:
    """Go on behind the block where a store is not used without anything being wrong."""
    try:
        yield
    except FailureError as error:
        if error.failure.category not in _NOT_USED:
            raise
    except ConverterError:
        return


def _identify(home: Path, root: Path, shown: Sequence[tuple[Path, SeenImage]]) -> StoreIdentity:
    """The store as it is now, if its folders still are the images that OMERO shows.

    Raises:
        FailureError: FILE_CHANGED, and what `identify_tree` raises.
        ConverterError: one of them cannot be read.
    """
    store = identify_tree(home, root, _is_plain_part)
    for folder, image in shown:
        with open_store(folder) as opened:
            _check_shape(image, folder, opened.series[0])
    return store


def store_name(store: StoreIdentity) -> str:
    """What people call the store: the name of its outermost folder that ends in `.zarr`."""
    path = Path(store.path)
    named = [part for part in path.parts if part.lower().endswith(".zarr")]
    return named[0] if named else path.name


def _folder_of(address: str) -> Path | None:
    """The folder that an lsid names: an absolute path, or a `file:` address of this file system. Else None."""
    parts = urlsplit(address)
    if parts.scheme == "file" and parts.netloc in {"", "localhost"}:
        address = unquote(parts.path)
    return Path(address) if address.startswith("/") and "\0" not in address else None


def _image_group(folder: Path, number: int | None) -> Path | None:
    """The group of one image: the folder itself, or of a store with several the one that has the image's number.

    Raises:
        ConverterError: it is none that can be read.
    """
    groups = image_groups(folder) if is_store(folder) else ()
    if groups == ("",):
        return folder
    return folder / str(number or 0) if str(number or 0) in groups else None


def _is_plain_part(path: str) -> bool:
    """
    Raises:
        FailureError: NOT_A_FILE when it is a part that has a name which no cluster is given.
    """
    if not is_part_of_store(path):
        return False
    try:
        check_staged_path(f"in/0/a.zarr/{path}")
    except ValueError as error:
        raise fail(
            FailureCategory.NOT_A_FILE,
            f"{path!r} is not sent to a cluster under this name.",
            detail=str(error),
            next_step="Rename it.",
        ) from error
    return True


def _check_shape(image: SeenImage, root: Path, series: Series) -> None:
    found = (series.size_x, series.size_y, series.size_z, series.size_c, series.size_t)
    if found != image.sizes or series.dtype != PIXEL_TYPES.get(image.type or ""):
        raise fail(
            FailureCategory.FILE_CHANGED,
            f"{root.name!r} is not the OME-Zarr any more that OMERO shows as image {image.id} ({image.name!r}).",
            detail=f"{root}: {found} of {series.dtype}; OMERO has {image.sizes} of {image.type}",
            next_step="Put the registered store back, or register the new one and analyse that.",
        )


def _gone(image: SeenImage, folder: Path) -> FailureError:
    return fail(
        FailureCategory.FILE_NOT_FOUND,
        f"The OME-Zarr that OMERO shows as image {image.id} ({image.name!r}) is gone.",
        detail=str(folder),
        next_step="Put it back, or leave the image out.",
    )
