"""RenderingDef objects and the settings they hold: reading, saving, the defaults, and whose settings count.

The defaults are OMERO's (RenderingSettingsImpl): linear, the first three channels active, the window from the
channel's measured extremes, greyscale for a single white channel and RGB for all else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sandbox.omero.permissions import Caller
from sandbox.omero.pixels import PixelsShape, read_shape
from sandbox.omero.records import Record
from sandbox.omero.rendering import ChannelSettings, Colour, Family, Model, RenderingSettings
from sandbox.omero.store import Store

#: Channels that are active in default settings.
ACTIVE_CHANNELS = 3

#: Measures a channel whose extremes are not stored: channel index -> (smallest, largest).
Measure = Callable[[int], tuple[float, float]]

_WHITE: Colour = (255, 255, 255, 255)
_BY_POSITION: tuple[Colour, ...] = ((255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 255))


def choose_colour(index: int, channels: int, emission_nm: float | None) -> Colour:
    """The colour of a channel that has none: by its emission, else by its place; white for a single channel.

    Emission below 500 nm is drawn blue, below 560 nm green, above it red (OMERO's ColorsFactory ranges).
    """
    if emission_nm is not None:
        if emission_nm < 500:
            return _BY_POSITION[2]
        return _BY_POSITION[1] if emission_nm < 560 else _BY_POSITION[0]
    return _WHITE if channels == 1 else _BY_POSITION[index % 3]


def type_range(shape: PixelsShape) -> tuple[float, float]:
    """The smallest and largest intensity that the pixel type is drawn with; floats have OMERO's 32-bit range."""
    if shape.dtype.kind in "iu":
        limits = np.iinfo(shape.dtype)
        return float(limits.min), float(limits.max)
    return float(np.iinfo(np.int32).min), float(np.iinfo(np.int32).max)


def default_settings(store: Store, pixels: Record, measure: Measure) -> RenderingSettings:
    """Settings as OMERO would give an image that has none.

    `measure` is asked for the channels without stored extremes; it reads pixels, so the caller holds no lock.
    """
    with store.lock:
        shape = read_shape(pixels)
        described = [(channel, channel.values.get("statsInfo")) for channel in store.collection(pixels, "channels")]
    channels = []
    for index, (channel, statistics) in enumerate(described):
        if statistics is not None:
            start, end = statistics.values["globalMin"], statistics.values["globalMax"]
        else:
            start, end = measure(index)
        if start == end:
            start, end = type_range(shape)
        channels.append(
            ChannelSettings(
                active=index < ACTIVE_CHANNELS,
                start=start,
                end=end,
                colour=_colour_of(channel, index, len(described)),
                lookup_table=channel.values.get("lookupTable") or "",
            )
        )
    model = Model.RGB if len(channels) > 1 or any(c.colour[:3] != _WHITE[:3] for c in channels) else Model.GREYSCALE
    return RenderingSettings(model, tuple(channels), default_z=shape.size_z // 2, default_t=0)


def _colour_of(channel: Record, index: int, channels: int) -> Colour:
    values = channel.values
    if all(values.get(name) is not None for name in ("red", "green", "blue", "alpha")):
        return int(values["red"]), int(values["green"]), int(values["blue"]), int(values["alpha"])
    emission = values["logicalChannel"].values.get("emissionWave") if values.get("logicalChannel") else None
    return choose_colour(index, channels, emission.value if emission is not None else None)


def read_settings(store: Store, definition: Record) -> RenderingSettings:
    """What a RenderingDef says; the caller holds the store's lock."""
    channels = []
    for binding in store.collection(definition, "waveRendering"):
        values = binding.values
        contexts = store.collection(binding, "spatialDomainEnhancement")
        channels.append(
            ChannelSettings(
                active=bool(values["active"]),
                start=values["inputStart"],
                end=values["inputEnd"],
                colour=(int(values["red"]), int(values["green"]), int(values["blue"]), int(values["alpha"])),
                lookup_table=values.get("lookupTable") or "",
                family=Family(values["family"].values["value"]),
                coefficient=values["coefficient"],
                noise_reduction=bool(values["noiseReduction"]),
                reversed=any(context.model.name == "ReverseIntensityContext" for context in contexts),
            )
        )
    values, quantum = definition.values, definition.values["quantization"].values
    return RenderingSettings(
        Model(values["model"].values["value"]),
        tuple(channels),
        default_z=int(values["defaultZ"]),
        default_t=int(values["defaultT"]),
        bit_resolution=int(quantum["bitResolution"]),
        codomain_start=int(quantum["cdStart"]),
        codomain_end=int(quantum["cdEnd"]),
        name=values.get("name"),
    )


def save_settings(
    store: Store,
    pixels: Record,
    settings: RenderingSettings,
    *,
    owner: Record | None,
    group: Record | None,
    event: Record,
    definition: Record | None = None,
) -> Record:
    """Write the settings to `definition`, or to a new RenderingDef of the owner, and return it. In a transaction."""
    details: dict[str, Any] = {"owner": owner, "group": group, "event": event}
    if definition is None:
        quantum = store.create("QuantumDef", **details, cdStart=0, cdEnd=255, bitResolution=255)
        definition = store.create("RenderingDef", **details, pixels=pixels, quantization=quantum, compression=0.85)
        bindings: Sequence[Record] = []
    else:
        bindings = store.collection(definition, "waveRendering")
        store.assign_detail(definition, "update_event", event)
    quantum = definition.values["quantization"]
    for record, name, value in (
        (quantum, "cdStart", settings.codomain_start),
        (quantum, "cdEnd", settings.codomain_end),
        (quantum, "bitResolution", settings.bit_resolution),
        (definition, "defaultZ", settings.default_z),
        (definition, "defaultT", settings.default_t),
        (definition, "name", settings.name),
        (definition, "model", store.enumeration("RenderingModel", settings.model.value)),
    ):
        store.assign(record, name, value)
    for index, channel in enumerate(settings.channels):
        if index < len(bindings):
            binding = bindings[index]
        else:
            binding = store.create("ChannelBinding", **details, renderingDef=definition)
        _save_channel(store, binding, channel, details)
    store.arrange(definition, "waveRendering", store.collection(definition, "waveRendering"))
    return definition


def _save_channel(store: Store, binding: Record, channel: ChannelSettings, details: dict[str, Any]) -> None:
    red, green, blue, alpha = channel.colour
    values = {
        "active": channel.active, "inputStart": channel.start, "inputEnd": channel.end, "red": red, "green": green,
        "blue": blue, "alpha": alpha, "lookupTable": channel.lookup_table or None, "coefficient": channel.coefficient,
        "noiseReduction": channel.noise_reduction, "family": store.enumeration("Family", channel.family.value),
    }  # fmt: skip
    for name, value in values.items():
        store.assign(binding, name, value)
    contexts = store.collection(binding, "spatialDomainEnhancement")
    if channel.reversed and not contexts:
        store.create("ReverseIntensityContext", **details, channelBinding=binding, reverse=True)
    if not channel.reversed:
        for context in contexts:
            store.delete(context)


def list_definitions(store: Store, pixels: Record, caller: Caller) -> list[Record]:
    """Every RenderingDef of the Pixels that the caller may see, oldest first."""
    return [found for found in store.collection(pixels, "settings") if caller.visible(found)]


def find_definition(store: Store, pixels: Record, caller: Caller, user: Record | None = None) -> Record | None:
    """The settings that count for the user (the caller): their own latest, else the image owner's; None for none."""
    definitions = list_definitions(store, pixels, caller)
    for owner in (user or caller.user, pixels.owner):
        own = [found for found in definitions if found.owner is owner]
        if own:
            return own[-1]
    return None
