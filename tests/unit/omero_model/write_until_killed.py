"""Writes transactions to a store for ever and says after each that it is done; the journal's test kills it.

Each transaction is a dataset and two images that only count together. Run with the database's path.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from sandbox.omero.store import Store


def main(path: Path) -> None:
    store = Store(path)
    for number in itertools.count(store.setting("done") or 0):
        with store.transaction():
            dataset = store.create("Dataset", owner=None, group=None, event=None, name=f"dataset {number}")
            for half in ("left", "right"):
                image = store.create("Image", owner=None, group=None, event=None, name=f"{half} {number}")
                store.create("DatasetImageLink", owner=None, group=None, event=None, parent=dataset, child=image)
            if number:
                (before,) = store.find("Dataset", name=f"dataset {number - 1}")
                store.assign(before, "description", "followed")
            store.remember("done", number + 1)
        print(number, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
