"""From where a workflow may be added in the panel: hosts that the site's admin named, over https alone."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from contracts.descriptor_source import read_source

#: Where published workflows are, unless a site says otherwise.
USUAL_HOSTS = ("github.com", "raw.githubusercontent.com", "gitlab.com", "codeberg.org")


def check_host(address: str, hosts: Collection[str]) -> None:
    """Make sure that an address of a descriptor is one of these hosts', and asks nothing else of the network.

    Raises:
        ValueError: says which hosts are allowed, or what else is wrong with the address.
    """
    for one in (address, *read_source(address).addresses):
        parts = urlsplit(one)
        if parts.scheme != "https":
            raise ValueError("only https:// addresses may be added here")
        if (parts.hostname or "").lower() not in hosts and not _is_raw_github(parts.hostname, hosts):
            raise ValueError(f"{parts.hostname} is not among the hosts that are allowed: {', '.join(sorted(hosts))}")
        if parts.port not in (None, 443):
            raise ValueError("the address names a port")


def _is_raw_github(host: str | None, hosts: Collection[str]) -> bool:
    """Files of github.com lie there."""
    return host == "raw.githubusercontent.com" and "github.com" in hosts
