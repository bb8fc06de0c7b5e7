"""From one plane of a nuclear stain to a label image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.filters import gaussian, threshold_otsu
from skimage.measure import label
from skimage.segmentation import relabel_sequential, watershed

#: (y, x) of intensities, any type; and (y, x) of labels, 0 for what is no nucleus.
Plane: TypeAlias = NDArray[Any]
Labels: TypeAlias = NDArray[np.uint32]

#: Otsu finds a threshold in any plane. In noise alone what is above lies 2.7 standard deviations of what
#: is below from it (two halves of a normal distribution); stained nuclei lie far above that.
_LEAST_CONTRAST = 4.0


@dataclass(frozen=True)
class Parameters:
    """What a user chooses.

    Attributes:
        diameter: of a typical nucleus, in pixels: nearer than half of it there are no two nuclei.
        sigma: of the Gaussian that smooths the plane first, in pixels.
        minimum_area: what has fewer pixels is no nucleus.
        channel: the nuclear stain's, counted from 1.
        split_touching: whether nuclei that touch are taken apart.
    """

    diameter: float = 30.0
    sigma: float = 2.0
    minimum_area: int = 50
    channel: int = 1
    split_touching: bool = True


def segment(plane: Plane, parameters: Parameters) -> Labels:
    """Label the nuclei of a plane with 1, 2, 3, ...; a plane without nuclei has none."""
    smooth = gaussian(plane.astype(np.float32), parameters.sigma, preserve_range=True)
    nuclei = ndimage.binary_fill_holes(_foreground(smooth))
    labels = _split(nuclei, parameters) if parameters.split_touching else label(nuclei)
    areas = np.bincount(labels.ravel())
    labels[areas[labels] < parameters.minimum_area] = 0
    return np.asarray(relabel_sequential(labels)[0], np.uint32)


def _foreground(smooth: Plane) -> NDArray[np.bool_]:
    if smooth.min() == smooth.max():
        return np.zeros(smooth.shape, bool)
    above = smooth > threshold_otsu(smooth)
    stain, background = smooth[above], smooth[~above]
    if stain.mean() - background.mean() < _LEAST_CONTRAST * background.std():
        return np.zeros(smooth.shape, bool)
    return np.asarray(above)


def _split(nuclei: NDArray[np.bool_], parameters: Parameters) -> NDArray[np.int32]:
    """Each peak of the distance to the outside is a nucleus; the watershed of the distance has their borders."""
    distance = ndimage.distance_transform_edt(nuclei)
    # An outline that is not round has several peaks near each other: smoothed, they are one.
    distance = gaussian(distance, parameters.diameter / 16, preserve_range=True)
    peaks = peak_local_max(
        distance, min_distance=max(1, round(parameters.diameter / 2)), labels=label(nuclei), exclude_border=False
    )
    markers = np.zeros(nuclei.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return np.asarray(watershed(-distance, markers, mask=nuclei))
