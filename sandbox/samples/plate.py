"""A plate as an ImageXpress leaves it: an HTD file and a TIFF for each well, site and wavelength.

Rows are two replicates; from column to column the dose of a compound rises: fewer cells, less GFP.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from tifffile import TiffWriter

from converters.readers.imagexpress_names import well_name
from sandbox.samples.cells import Culture

ROWS, COLUMNS, SITES = 2, 3, 2
_WAVELENGTHS = (("DAPI", 447.0), ("FITC", 536.0))
_SIZE, _MICROMETRES = 256, 0.6496
_CELLS, _GFP = (20, 15, 8), (1.0, 0.6, 0.2)
_BEGIN = datetime(2026, 3, 3, 14, 0)


def write_plate(folder: Path, plate: str) -> Path:
    """Write the plate into `folder`; returns the HTD file, the one to open."""
    images = folder / "TimePoint_1"
    images.mkdir(parents=True, exist_ok=True)
    number = 0
    for row in range(ROWS):
        for column in range(COLUMNS):
            for site in range(1, SITES + 1):
                culture = Culture(100 + row * 50 + column * 10 + site, _SIZE, count=_CELLS[column], gfp=_GFP[column])
                for c, (name, emission) in enumerate(_WAVELENGTHS):
                    place = f"{plate}_{well_name(row, column)}_s{site}_w{c + 1}"
                    identity = str(uuid5(NAMESPACE_URL, place)).upper()
                    moment = _BEGIN + timedelta(seconds=3 * number)
                    number += 1
                    with TiffWriter(images / f"{place}{identity}.TIF", byteorder="<") as tiff:
                        tiff.write(
                            culture.expose(c),
                            photometric="minisblack",
                            metadata=None,
                            compression="zlib",
                            predictor=2,
                            description=_description(name, emission, moment),
                            software="MetaSeries",
                        )
    htd = folder / f"{plate}.HTD"
    htd.write_bytes(_settings().encode("ascii"))
    return htd


def _description(illumination: str, emission: float, moment: datetime) -> str:
    """MetaMorph's XML: the properties that readers take from it."""
    time = f"{moment:%Y%m%d %H:%M:%S}.{moment.microsecond // 1000:03}"
    properties = (
        ("spatial-calibration-state", "bool", "on"),
        ("spatial-calibration-x", "float", str(_MICROMETRES)),
        ("spatial-calibration-y", "float", str(_MICROMETRES)),
        ("spatial-calibration-units", "string", "um"),
        ("image-name", "string", illumination),
        ("acquisition-time-local", "time", time),
        ("modification-time-local", "time", time),
        ("wavelength", "float", str(emission)),
        ("_IllumSetting_", "string", illumination),
    )
    lines = "".join(f'<prop id="{name}" type="{kind}" value="{value}"/>' for name, kind, value in properties)
    return (
        "<MetaData><Build>1.0</Build><ApplicationName>MetaMorph</ApplicationName><ApplicationVersion>6.7</"
        f"ApplicationVersion><PlaneInfo>{lines}</PlaneInfo></MetaData>"
    )


def _settings() -> str:
    """The HTD file: name, value pairs, one a line, ended by CR LF."""
    wells, sites = ", ".join(["TRUE"] * COLUMNS), ", ".join(["TRUE"] * SITES)
    lines = [
        '"HTSInfoFile", Version 1.0',
        '"Description", "Dose response, generated"',
        '"PlateType", 6',
        '"TimePoints", 1',
        '"ZSeries", FALSE',
        '"ZSteps", 1',
        f'"XWells", {COLUMNS}',
        f'"YWells", {ROWS}',
    ]
    lines += [f'"WellsSelection{row + 1}", {wells}' for row in range(ROWS)]
    lines += [
        '"Sites", TRUE',
        f'"XSites", {SITES}',
        '"YSites", 1',
        f'"SiteSelection1", {sites}',
        '"Waves", TRUE',
        f'"NWavelengths", {len(_WAVELENGTHS)}',
    ]
    lines += [f'"WaveName{number}", "{name}"' for number, (name, _) in enumerate(_WAVELENGTHS, 1)]
    lines += [f'"WaveCollect{number}", 1' for number in range(1, len(_WAVELENGTHS) + 1)]
    lines += ['"UniquePlateIdentifier", "2f0b2c9e-1f55-4b8e-9a3b-7b6a3d1c0001"', '"EndFile"']
    return "".join(f"{line}\r\n" for line in lines)
