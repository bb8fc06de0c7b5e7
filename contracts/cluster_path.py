"""A path on the cluster, as an administrator gives it and as a run remembers it."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

#: Absolute and plain: it is a part of bind options, where a colon or comma would be read. No part of it begins with a
#: dot, so that it leads nowhere else than it says.
ClusterPath = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9_+@=-][A-Za-z0-9_.+@=-]*)+$", max_length=1000)]
