"""The OME-XML of one image, for the OME-TIFF that holds it (schema 2016-06)."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree

import numpy as np

from converters.image_file import Channel, Series

_SCHEMA = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
#: Pixel types of the OME model by NumPy's names; there are no 64-bit integers and no half floats.
PIXEL_TYPES = {
    "int8": "int8",
    "int16": "int16",
    "int32": "int32",
    "uint8": "uint8",
    "uint16": "uint16",
    "uint32": "uint32",
    "float32": "float",
    "float64": "double",
    "complex64": "complex",
    "complex128": "double-complex",
}


def build_ome_xml(series: Series, name: str, *, uuid: str, namespace: str, annotation: Mapping[str, str]) -> str:
    """The document as ASCII text (other characters as references), valid against the schema.

    The planes lie in the file in the order XYZCT, one a directory. `annotation` becomes one map
    annotation of the image in `namespace`, in the mapping's order.
    """
    ElementTree.register_namespace("", _SCHEMA)
    ElementTree.register_namespace("xsi", _INSTANCE)
    root = ElementTree.Element(
        _tag("OME"),
        {
            f"{{{_INSTANCE}}}schemaLocation": f"{_SCHEMA} {_SCHEMA}/ome.xsd",
            "UUID": uuid,
            "Creator": "omero-flows",
        },
    )
    image = ElementTree.SubElement(root, _tag("Image"), {"ID": "Image:0", "Name": printable(name)})
    if series.acquired is not None:
        ElementTree.SubElement(image, _tag("AcquisitionDate")).text = series.acquired.isoformat()
    pixels = ElementTree.SubElement(image, _tag("Pixels"), _pixels(series))
    for index, channel in enumerate(series.channels):
        ElementTree.SubElement(pixels, _tag("Channel"), _channel(index, channel))
    planes = series.size_z * series.size_c * series.size_t
    ElementTree.SubElement(pixels, _tag("TiffData"), {"IFD": "0", "PlaneCount": str(planes)})
    ElementTree.SubElement(image, _tag("AnnotationRef"), {"ID": "Annotation:0"})
    annotations = ElementTree.SubElement(root, _tag("StructuredAnnotations"))
    mapped = ElementTree.SubElement(annotations, _tag("MapAnnotation"), {"ID": "Annotation:0", "Namespace": namespace})
    value = ElementTree.SubElement(mapped, _tag("Value"))
    for key, text in annotation.items():
        ElementTree.SubElement(value, _tag("M"), {"K": printable(key)}).text = printable(text)
    body = ElementTree.tostring(root, encoding="us-ascii", xml_declaration=False).decode("ascii")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'


def read_annotation(text: str, namespace: str) -> dict[str, str] | None:
    """The map annotation of `namespace` in a document, None when there is none or it is no XML."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return None
    for mapped in root.iter(_tag("MapAnnotation")):
        if mapped.get("Namespace") == namespace:
            return {pair.get("K", ""): pair.text or "" for pair in mapped.iter(_tag("M"))}
    return None


def printable(text: str) -> str:
    """The text without the characters that XML 1.0 has no way to write (controls, surrogates)."""
    return "".join(
        character
        for character in text
        if character in "\t\n\r"
        or "\x20" <= character <= "\ud7ff"
        or "\ue000" <= character <= "\ufffd"
        or character >= "\U00010000"
    )


def _pixels(series: Series) -> dict[str, str]:
    attributes = {
        "ID": "Pixels:0",
        "DimensionOrder": "XYZCT",
        "Type": PIXEL_TYPES[np.dtype(series.dtype).name],
        "BigEndian": "false",
        "SizeX": str(series.size_x),
        "SizeY": str(series.size_y),
        "SizeZ": str(series.size_z),
        "SizeC": str(series.size_c),
        "SizeT": str(series.size_t),
    }
    sizes = (("X", series.physical_size_x), ("Y", series.physical_size_y), ("Z", series.physical_size_z))
    for axis, size in sizes:
        if size is not None and size > 0:
            attributes[f"PhysicalSize{axis}"] = repr(float(size))
            attributes[f"PhysicalSize{axis}Unit"] = "\u00b5m"
    return attributes


def _channel(index: int, channel: Channel) -> dict[str, str]:
    attributes = {"ID": f"Channel:0:{index}", "SamplesPerPixel": "1"}
    if channel.name:
        attributes["Name"] = printable(channel.name)
    if channel.colour is not None:
        packed = int.from_bytes(bytes(channel.colour), "big", signed=True)
        attributes["Color"] = str(packed)
    for kind, wavelength in (("Emission", channel.emission_nm), ("Excitation", channel.excitation_nm)):
        if wavelength is not None and wavelength > 0:
            attributes[f"{kind}Wavelength"] = repr(float(wavelength))
            attributes[f"{kind}WavelengthUnit"] = "nm"
    return attributes


def _tag(name: str) -> str:
    return f"{{{_SCHEMA}}}{name}"
