"""The command line of a BIAFLOWS workflow: folders in and out, a parameter each, and what is ignored."""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from sandbox.workflows.nuclei.image_file import Image, NotReadable, read_images
from sandbox.workflows.nuclei.results import measure, write_labels, write_table
from sandbox.workflows.nuclei.segmentation import Parameters, segment

_Value = TypeVar("_Value", float, int, bool)

_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def main(arguments: Sequence[str]) -> int:
    """Analyse every TIFF in --infolder.

    Returns:
        0 when a label image and a table of every image were written, 1 when any was not.
    """
    chosen = build_parser().parse_args(arguments)
    parameters = Parameters(
        diameter=chosen.diameter,
        sigma=chosen.sigma,
        minimum_area=chosen.minimum_area,
        channel=chosen.channel,
        split_touching=chosen.split_touching,
    )
    return run(chosen.infolder, chosen.outfolder, parameters)


def run(infolder: Path, outfolder: Path, parameters: Parameters) -> int:
    """Analyse one file after the other. One that fails is named at the end and keeps no other from its results."""
    files = sorted(file for file in infolder.iterdir() if re.search(r"\.tiff?$", file.name, re.IGNORECASE))
    if not files:
        print(f"There is no TIFF in {infolder}.", file=sys.stderr)
        return 1
    outfolder.mkdir(parents=True, exist_ok=True)
    failed = []
    for number, (file, name) in enumerate(zip(files, result_names([file.name for file in files]), strict=True), 1):
        try:
            for image_name, image in _named_images(file, name):
                nuclei = analyse(image, outfolder, image_name, parameters)
                print(f"{file.name}: {nuclei} nuclei", flush=True)
        except (NotReadable, OSError) as error:
            failed.append(f"{file.name}: {error}")
        print(f"progress: {number} of {len(files)}", flush=True)
    for reason in failed:
        print(f"failed: {reason}", file=sys.stderr)
    return 1 if failed else 0


def analyse(image: Image, outfolder: Path, name: str, parameters: Parameters) -> int:
    """Write `<name>_labels.tif` and `<name>_nuclei.csv`; a label comes once in an image, over all time points.

    Returns:
        how many nuclei there are.
    """
    times, _, _, height, width = image.pixels.shape
    labels = np.zeros((times, height, width), np.uint32)
    rows: list[tuple[float, ...]] = []
    for time in range(times):
        plane = image.project(time, parameters.channel)
        found = segment(plane, parameters)
        labels[time] = np.where(found, found + np.uint32(len(rows)), 0)
        rows.extend(measure(labels[time], plane, time))
    write_labels(outfolder / f"{name}_labels.tif", labels, image.pixel_size)
    write_table(outfolder / f"{name}_nuclei.csv", rows)
    return len(rows)


def result_names(files: Sequence[str]) -> list[str]:
    """What each file's results are called: its name without .tif or .ome.tif, unless two would be called the same."""
    short = [re.sub(r"(\.ome)?\.tiff?$", "", file, flags=re.IGNORECASE) for file in files]
    often = Counter(name.lower() for name in short)
    return [name if often[name.lower()] == 1 else file for name, file in zip(short, files, strict=True)]


def _named_images(file: Path, name: str) -> list[tuple[str, Image]]:
    """A file's images; where there are several their numbers are part of the name."""
    images = list(read_images(file))
    if len(images) == 1:
        return [(name, images[0])]
    return [(f"{name}_{number}", image) for number, image in enumerate(images, 1)]


def build_parser() -> argparse.ArgumentParser:
    default = Parameters()
    parser = argparse.ArgumentParser(prog="nuclei", description=__doc__, allow_abbrev=False)
    parser.add_argument("--infolder", type=Path, required=True, help="TIFF and OME-TIFF files")
    parser.add_argument("--outfolder", type=Path, required=True, help="label images and tables")
    parser.add_argument("--diameter", type=_number(float, default.diameter, 1, 10_000), default=default.diameter)
    parser.add_argument("--sigma", type=_number(float, default.sigma, 0, 1000), default=default.sigma)
    parser.add_argument(
        "--minimum_area", type=_number(int, default.minimum_area, 0, 10**9), default=default.minimum_area
    )
    parser.add_argument("--channel", type=_number(int, default.channel, 1, 10_000), default=default.channel)
    parser.add_argument("--split_touching", type=_truth(default.split_touching), default=default.split_touching)
    # BIAFLOWS hands these to every workflow: a folder of ground truth, "do not talk to Cytomine", "no metrics".
    parser.add_argument("--gtfolder", help=argparse.SUPPRESS)
    parser.add_argument("--local", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("-nmc", action="store_true", help=argparse.SUPPRESS)
    return parser


def _number(kind: type[float] | type[int], default: float, least: float, most: float) -> Callable[[str], float]:
    """Reads a number. `None` is the default: BIOMERO hands on this word for what a user left empty."""

    def read(text: str) -> float:
        if text == "None":
            return default
        value = float(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between {least} and {most}")
        if kind is int and value != int(value):
            raise argparse.ArgumentTypeError(f"{text} is no whole number")
        return kind(value)

    return read


def _truth(default: bool) -> Callable[[str], bool]:
    """Reads yes or no in the words that are in use; `None` is the default."""

    def read(text: str) -> bool:
        if text == "None":
            return default
        try:
            return _WORDS[text.lower()]
        except KeyError:
            raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(_WORDS)}") from None

    return read
