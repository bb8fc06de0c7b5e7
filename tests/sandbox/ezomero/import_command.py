"""Stands for the `omero` command while ezomero's tests run: `omero import FILE` without Java.

omero-py's own `import` starts the Java importer, which is not part of omero-py and not of this project. Here the one
file is uploaded through the managed repository's public interface instead, as that importer does it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import omero
import omero.callbacks
import omero.cmd
import omero.grid
import omero.model
from omero.rtypes import rbool, rstring


def upload(client: omero.client, path: Path) -> None:
    """Import one file. Raises omero.CmdError where the server refuses it."""
    entry = omero.model.FilesetEntryI()
    entry.setClientPath(rstring(str(path).lstrip("/")))
    fileset = omero.model.FilesetI()
    fileset.addFilesetEntry(entry)
    fileset.linkJob(omero.model.UploadJobI())
    settings = omero.grid.ImportSettings(doThumbnails=rbool(True), noStatsInfo=rbool(False))
    settings.checksumAlgorithm = omero.model.ChecksumAlgorithmI()
    settings.checksumAlgorithm.value = rstring("SHA1-160")
    process = client.getManagedRepository().importFileset(fileset, settings)
    try:
        store = process.getUploader(0)
        with path.open("rb") as source:
            client.write_stream(source, store)
        store.close()
        handle = process.verifyUpload([client.sha1(str(path))])
    finally:
        process.close()
    client.waitOnCmd(handle, loops=60, failontimeout=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="omero")
    parser.add_argument("command", choices=["import"])
    parser.add_argument("file", type=Path)
    parser.add_argument("-k", dest="session", required=True)
    parser.add_argument("-u", dest="user")
    parser.add_argument("-s", dest="host", required=True)
    parser.add_argument("-p", dest="port", type=int, required=True)
    options = parser.parse_args()
    client = omero.client(options.host, options.port)
    client.joinSession(options.session).detachOnDestroy()
    try:
        upload(client, options.file.resolve())
    finally:
        client.closeSession()
    return 0


if __name__ == "__main__":
    sys.exit(main())
