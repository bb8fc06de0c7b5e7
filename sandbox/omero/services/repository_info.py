"""omero.api.IRepositoryInfo: how full the disk below the server's home is."""

from __future__ import annotations

import shutil

import omero.api

from sandbox.omero.calls import Call
from sandbox.omero.servant import Service, servant


@servant(omero.api.IRepositoryInfo)
class RepositoryInfo(Service):
    transactional = False

    def getUsedSpaceInKilobytes(self, call: Call) -> int:  # noqa: N802
        return shutil.disk_usage(self.server.home).used // 1024

    def getFreeSpaceInKilobytes(self, call: Call) -> int:  # noqa: N802
        return shutil.disk_usage(self.server.home).free // 1024

    def getUsageFraction(self, call: Call) -> float:  # noqa: N802
        usage = shutil.disk_usage(self.server.home)
        return usage.used / usage.total
