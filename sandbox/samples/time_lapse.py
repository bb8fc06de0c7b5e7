"""A time lapse as multi-file OME-TIFF: one TIFF a time point, the metadata in a `.companion.ome`."""

from __future__ import annotations

from pathlib import Path
from uuid import NAMESPACE_URL, uuid5
from xml.sax.saxutils import quoteattr

from tifffile import TiffWriter

from converters.image_file import Channel
from sandbox.samples.cells import Culture
from sandbox.samples.stack import DAPI, GFP, PIXEL_SIZE

_SCHEMA = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
_SECONDS = 600


def write_time_lapse(folder: Path, stem: str) -> Path:
    """Write the set into `folder`; returns the companion file, the one to open first.

    Two channels, four time points, ten minutes apart, 256 x 256 pixels.
    """
    size, times = 256, 4
    culture = Culture(23, size, count=16)
    companion = folder / f"{stem}.companion.ome"
    names = [f"{stem}_t{t}.ome.tif" for t in range(times)]
    for t, name in enumerate(names):
        stub = (
            f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="{_SCHEMA}" UUID="{_uuid(name)}">'
            f'<BinaryOnly MetadataFile={quoteattr(companion.name)} UUID="{_uuid(companion.name)}"/></OME>'
        )
        with TiffWriter(folder / name, byteorder="<") as tiff:
            for c in range(2):
                tiff.write(
                    culture.expose(c, 0, t),
                    photometric="minisblack",
                    metadata=None,
                    compression="zlib",
                    predictor=2,
                    description=stub if c == 0 else None,
                    software="omero-flows",
                )
    companion.write_text(_metadata(companion.name, names, size), encoding="utf-8")
    return companion


def _metadata(companion: str, names: list[str], size: int) -> str:
    channels = "".join(_channel(index, channel) for index, channel in enumerate((DAPI, GFP)))
    blocks = "".join(
        f'<TiffData FirstT="{t}" FirstC="{c}" FirstZ="0" IFD="{c}" PlaneCount="1">'
        f"<UUID FileName={quoteattr(name)}>{_uuid(name)}</UUID></TiffData>"
        for t, name in enumerate(names)
        for c in range(2)
    )
    planes = "".join(
        f'<Plane TheZ="0" TheC="{c}" TheT="{t}" DeltaT="{t * _SECONDS}.0" DeltaTUnit="s" '
        f'ExposureTime="{(0.05, 0.2)[c]}" ExposureTimeUnit="s"/>'
        for t in range(len(names))
        for c in range(2)
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<OME xmlns="{_SCHEMA}" UUID="{_uuid(companion)}">'
        '<Image ID="Image:0" Name="Migration, 10 min"><AcquisitionDate>2026-03-02T10:00:00</AcquisitionDate>'
        f'<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" BigEndian="false" SizeX="{size}" SizeY="{size}" '
        f'SizeZ="1" SizeC="2" SizeT="{len(names)}" PhysicalSizeX="{PIXEL_SIZE * 2}" PhysicalSizeXUnit="µm" '
        f'PhysicalSizeY="{PIXEL_SIZE * 2}" PhysicalSizeYUnit="µm" TimeIncrement="{_SECONDS}.0" '
        f'TimeIncrementUnit="s">{channels}{blocks}{planes}</Pixels></Image></OME>\n'
    )


def _channel(index: int, channel: Channel) -> str:
    colour = int.from_bytes(bytes(channel.colour or (255, 255, 255, 255)), "big", signed=True)
    return (
        f'<Channel ID="Channel:0:{index}" Name={quoteattr(channel.name or "")} SamplesPerPixel="1" Color="{colour}" '
        f'EmissionWavelength="{channel.emission_nm}" EmissionWavelengthUnit="nm" '
        f'ExcitationWavelength="{channel.excitation_nm}" ExcitationWavelengthUnit="nm"/>'
    )


def _uuid(name: str) -> str:
    return f"urn:uuid:{uuid5(NAMESPACE_URL, name)}"
