"""The command templates of Charliecloud, as itself: a container runtime that needs no rights on a cluster.

They stand for Apptainer's `apptainer run --containall --bind DATA:/data IMAGE ARGUMENTS`; Apptainer is
not in Debian 12 and is not executed in the sandbox.

What ch-run 0.31 does and does not do: the image is read-only and so is what is mounted from the image
storage (the machine mounts it so); a --bind itself is always writable; the container shares the job's
network, processes, environment and memory limit; it dies with the job. A place to bind to has to exist
in the image: those the sandbox builds have /data, /mnt/0 to /mnt/9 and /srv/storage.
"""

from __future__ import annotations

from sandbox.cluster.machine import REGISTRY, STORAGE
from sandbox.workflows.container_image import RUN_SCRIPT

#: `{data}`: the folder on the cluster that has in, gt and out; `{image}`: the image's file. What the
#: workflow is given follows. Each entry is one argument.
RUN = ("ch-run", "--bind={data}:/data", "{image}", "--", RUN_SCRIPT)

#: The same where staged images are links into the image storage.
RUN_WITH_STORAGE = ("ch-run", "--bind={data}:/data", f"--bind={STORAGE}:{STORAGE}", "{image}", "--", RUN_SCRIPT)

#: `{name}`, `{version}`: the workflow's; `{destination}`: the file to make.
PULL = ("cp", f"{REGISTRY}/{{name}}_{{version}}.sqfs", "{destination}")

#: How the user's images are called on the cluster.
IMAGE_SUFFIX = ".sqfs"

#: What follows RUN for a BIAFLOWS workflow, before and after its own parameters.
BIAFLOWS_FOLDERS = ("--infolder", "/data/in", "--gtfolder", "/data/gt", "--outfolder", "/data/out")
BIAFLOWS_END = ("--local", "-nmc")
