"""Descriptors made for the tests, in the three formats; each has one of everything its format can say."""

from __future__ import annotations

import json
from typing import Any

import yaml


def biaflows(*inputs: dict[str, Any], **changes: Any) -> str:
    """A `cytomine-0.1` descriptor with these inputs beside Cytomine's own."""
    host = {"id": "cytomine_host", "type": "String", "set-by-server": True, "command-line-flag": "--@id"}
    document = {
        "name": "Spots",
        "description": "Counts spots",
        "schema-version": "cytomine-0.1",
        "container-image": {"image": "lab/w_spots", "type": "singularity"},
        "command-line": "python wrapper.py CYTOMINE_HOST RADIUS",
        "inputs": [host, *inputs],
    }
    return json.dumps({key: value for key, value in (document | changes).items() if value is not ...})


def number(name: str = "radius", **changes: Any) -> dict[str, Any]:
    """A Number of BIAFLOWS, optional, with the default 5."""
    plain = {
        "id": name,
        "name": name.title(),
        "description": f"The {name}",
        "type": "Number",
        "value-key": "@ID",
        "command-line-flag": "--@id",
        "default-value": 5,
        "set-by-server": False,
        "optional": True,
    }
    return {key: value for key, value in (plain | changes).items() if value is not ...}


def text(name: str = "model", **changes: Any) -> dict[str, Any]:
    """A String of BIAFLOWS, required and without a default."""
    return number(name, **{"type": "String", "default-value": ..., "optional": False} | changes)


def biomero(**changes: Any) -> str:
    """A `biomero-0.1` descriptor."""
    document = {
        "name": "Tracker",
        "description": "Tracks nuclei",
        "schema-version": "biomero-0.1",
        "authors": [{"name": "Ada"}],
        "citations": [{"name": "Tracks", "doi": "10.1/x", "license": "MIT"}],
        "problem-class": "object-tracking",
        "container-image": {"image": "ghcr.io/lab/tracker:2.1", "type": "oci", "platforms": ["linux/amd64"]},
        "configuration": {"resources": {"ram-min": 2047.5, "cores-min": 1.5, "gpu": True, "networking": False}},
        "inputs": [
            {"id": "stack", "type": "image", "sub-type": "grayscale", "format": ["tif", "OMEZarr"]},
            {"id": "radius", "type": "float", "default-value": 5, "optional": True, "mode": "advanced"},
            {
                "id": "method",
                "type": "string",
                "command-line-flag": "--method",
                "default-value": "fast",
                "value-choices": ["fast", "exact"],
                "value-choices-labels": ["Fast", None],
            },
            {"id": "seeds", "type": "file", "format": ".csv", "file-count": "multiple", "optional": True},
            {"id": "weights", "type": "executable", "file-attachment": True, "set-by-server": True, "optional": True},
            {"id": "results", "type": "string", "output-dir-set": True},
            {"id": "host", "type": "string", "set-by-server": True},
        ],
        "outputs": [
            {"id": "tracks", "type": "file", "format": "csv", "file-count": "single"},
            {"id": "labels", "type": "image", "sub-type": "labeled", "format": "tif", "file-count": "multiple"},
            {"id": "count", "type": "Number"},
        ],
        "command-line": "python track.py",
    }
    return json.dumps({key: value for key, value in (document | changes).items() if value is not ...})


def bilayers(**changes: Any) -> str:
    """A Bilayers config.yaml."""
    document = {
        "citations": [{"name": "Cells", "doi": "10.1/y", "license": "BSD", "description": "Finds cells"}],
        "docker_image": {"org": "lab", "name": "cells", "tag": "latest", "platform": "linux/amd64"},
        "algorithm_folder_name": "cells_inference",
        "exec_function": {
            "name": "generate_cli_command",
            "cli_command": "python -m cells",
            "hidden_args": [
                {"cli_tag": "--verbose", "value": "True", "append_value": False, "cli_order": 3},
                {"cli_tag": "--gtfolder", "value": "/none"},
                {"cli_tag": "-j", "value": 2},
                {"cli_tag": "--off", "value": False, "append_value": False},
            ],
        },
        "inputs": [
            {
                "name": "dir",
                "type": "image",
                "label": "Images",
                "subtype": ["grayscale", "plate"],
                "cli_tag": "--dir",
                "default": "directory",
                "optional": False,
                "format": ["tiff"],
                "file_count": "multiple",
            },
            {
                "name": "model",
                "type": "executable",
                "label": "Model",
                "cli_tag": "--model",
                "optional": True,
                "mode": "advanced",
            },
        ],
        "outputs": [
            {"name": "labels", "type": "image", "label": "Labels", "subtype": ["label"], "cli_tag": "None"},
            {"name": "table", "type": "measurement", "label": "Table", "cli_tag": "-o", "format": ["csv"]},
        ],
        "parameters": [
            {
                "name": "axis",
                "type": "radio",
                "label": "Axis",
                "options": [{"label": "none", "value": 0}, {"label": "last", "value": 2}],
                "default": 0,
                "cli_tag": "--axis",
                "optional": True,
            },
            {
                "name": "gpu",
                "type": "checkbox",
                "label": "GPU",
                "append_value": False,
                "default": False,
                "cli_tag": "--use_gpu",
            },
            {
                "name": "norm",
                "type": "checkbox",
                "label": "Normalise",
                "append_value": True,
                "default": True,
                "cli_tag": "--norm=",
            },
            {
                "name": "size",
                "type": "float",
                "label": "Size",
                "default": "None",
                "cli_tag": "-s",
                "optional": True,
            },
            {
                "name": "save_dir",
                "type": "textbox",
                "label": "Folder",
                "output_dir_set": True,
                "default": "/out",
                "cli_tag": "--savedir",
            },
        ],
        "display_only": None,
    }
    return yaml.safe_dump({key: value for key, value in (document | changes).items() if value is not ...})
