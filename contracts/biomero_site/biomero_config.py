"""OMERO.biomero's biomero-config.json: which files are converted by what, uploads, and the groups' folders."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter, ValidationError

from contracts.biomero_site.group_folders import GroupFolders
from contracts.biomero_site.values import as_text
from contracts.container_image import ContainerImage
from contracts.import_settings import Converter, ConverterName, Extension, UploadSettings
from contracts.preprocessing import Preprocessing
from contracts.slurm_config.report import MigratedKey, WrittenKey, reason_of

#: How BIOMERO and this project name the image inside a file.
_THEIRS, _OURS = "{UUID}", "{series}"
_EXTENSION = TypeAdapter[str](Extension)
_NAME = TypeAdapter[str](ConverterName)


class BiomeroConfig:
    """Takes a whole file; `converters`, `uploads` (None: nothing is said) and `folders` are what it says."""

    def __init__(self, content: dict[str, Any], section: str) -> None:
        self._section = section
        self._groups = GroupFolders(section)
        self._extensions: dict[str, list[str]] = {}
        self.converters: dict[str, Converter] = {}
        self.uploads: UploadSettings | None = None
        self.has_folders = bool(content.get("group_mappings"))
        # Extensions first: a conversion is made with those that name it.
        maps = content.get("PREPROCESSING_EXTENSION_MAP")
        said = self._read_extensions(maps) if maps is not None else []
        configured = content.get("PREPROCESSING_CONFIG")
        made = self._read_conversions(configured) if configured is not None else []
        rows = {"PREPROCESSING_EXTENSION_MAP": [self._judge(row) for row in said], "PREPROCESSING_CONFIG": made}
        self.keys = [row for name, value in content.items() for row in rows.get(name) or self._take(name, value)]

    @property
    def folders(self) -> dict[str, str]:
        return self._groups.folders

    def _key(self, name: str, value: Any) -> WrittenKey:
        return WrittenKey(section=self._section, key=as_text(name), value=as_text(value))

    def _take(self, name: str, value: Any) -> list[MigratedKey]:
        key = self._key(name, value)
        if name == "group_mappings":
            return self._groups.take_mappings(value) or [key.unset()]
        if name == "UPLOADER":
            return self._read_uploader(value)
        if name in ("PREPROCESSING_EXTENSION_MAP", "PREPROCESSING_CONFIG"):
            return [key.unset()]
        if name == "FILE_OR_EXTENSION_PATTERNS_EXCLUSIVE":
            return [key.not_needed("Files are recognised by their content, and their companions come along.")]
        if name == "UPLOADER_NESTED_FILE_EXTENSIONS":
            return [key.not_needed("An uploaded file is opened like any other; BIOMERO never reads this key either.")]
        return [key.not_honoured("BIOMERO has no such key.")]

    def _read_extensions(self, maps: Any) -> list[tuple[WrittenKey, str | None, str]]:
        """Each ending with the conversion it names; None and the reason where there is none to take."""
        if not isinstance(maps, dict):
            return [(self._key("PREPROCESSING_EXTENSION_MAP", maps), None, "It is no object of conversions by ending.")]
        rows: list[tuple[WrittenKey, str | None, str]] = []
        for ending, name in maps.items():
            key = self._key(f"PREPROCESSING_EXTENSION_MAP {ending}", name)
            try:
                extension = _EXTENSION.validate_python(ending.lower())
            except ValidationError as error:
                rows.append((key, None, reason_of(error)))
                continue
            if isinstance(name, str):
                self._extensions.setdefault(name, []).append(extension)
                rows.append((key, name, ""))
            else:
                rows.append((key, None, "It names no conversion."))
        return rows

    def _judge(self, row: tuple[WrittenKey, str | None, str]) -> MigratedKey:
        key, name, why = row
        if name is None:
            return key.not_honoured(why)
        if _converter_name(name) not in self.converters:
            return key.not_honoured(f"There is no conversion {name[:80]!r} that could be taken.")
        return key.taken(f"proposed: converters.{_converter_name(name)}")

    def _read_conversions(self, configured: Any) -> list[MigratedKey]:
        if not isinstance(configured, dict):
            return [self._key("PREPROCESSING_CONFIG", configured).not_honoured("It is no object of conversions.")]
        return [self._conversion(self._key(f"PREPROCESSING_CONFIG {n}", v), n, v) for n, v in configured.items()]

    def _conversion(self, key: WrittenKey, name: str, given: Any) -> MigratedKey:
        image = given.get("container") if isinstance(given, dict) else None
        extra = (given.get("extra_params") or {}) if isinstance(given, dict) else None
        if not isinstance(image, str) or not isinstance(extra, dict):
            return key.not_honoured("It has no container, or its extra_params are no object.")
        own = _converter_name(name)
        if own in self.converters:
            return key.not_honoured(f"There is a conversion {own} already.")
        try:
            address = ContainerImage.parse(image)
            converter = Converter(
                title=name,
                extensions=tuple(self._extensions.get(name, ())),
                preprocessing=Preprocessing(
                    converter=address.address,
                    options={str(option): as_option(value) for option, value in extra.items()},
                ),
            )
            _NAME.validate_python(own)
        except ValidationError as error:
            return key.not_honoured(reason_of(error))
        except ValueError as error:
            return key.not_honoured(f"{error}.")
        self.converters[own] = converter
        reasons = ["It makes images of a Dataset; where it makes plates, set `makes` to Screen."]
        if address.digest is None:
            reasons.append("Its tag can be moved: give the image by digest.")
        if any(isinstance(value, str) and _THEIRS in value for value in extra.values()):
            reasons.insert(0, f"{_THEIRS} is {_OURS} here.")
        unknown = sorted(set(given) - {"container", "extra_params"})
        if unknown:
            reasons.append(f"BIOMERO has no {', '.join(map(as_text, unknown))} there.")
        return key.changed(f"converters.{own}: {address.address}", " ".join(reasons))

    def _read_uploader(self, given: Any) -> list[MigratedKey]:
        if not isinstance(given, dict):
            return [self._key("UPLOADER", given).not_honoured("It is no object.")]
        fields: dict[str, Any] = {}
        rows = [
            self._upload(self._key(f"UPLOADER {name}", value), name, value, fields) for name, value in given.items()
        ]
        if fields:
            self.uploads = UploadSettings(**fields)
        return rows or [self._key("UPLOADER", given).unset()]

    def _upload(self, key: WrittenKey, name: str, value: Any, fields: dict[str, Any]) -> MigratedKey:
        if name == "upload_to_group_folder":
            if value is True:
                return key.taken("always so")
            return key.not_honoured("Uploads always go into the folder of the group.")
        field = {"enabled": "enabled", "chunk_size": "chunk_megabytes"}.get(name)
        if field is None:
            return key.not_honoured("BIOMERO has no such key.")
        try:
            UploadSettings(**{field: value})
        except ValidationError as error:
            return key.not_honoured(reason_of(error))
        fields[field] = value
        return key.taken(f"uploads.{field} = {as_text(value)}")


def as_option(value: Any) -> str:
    """A converter's option as text. BIOMERO itself takes texts alone."""
    return value.replace(_THEIRS, _OURS) if isinstance(value, str) else as_text(value)


def _converter_name(name: str) -> str:
    return name.lower()
