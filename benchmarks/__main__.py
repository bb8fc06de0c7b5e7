"""`python -m benchmarks [NAME ...]`: all benchmarks, or the named ones, on a site of their own."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks import (
    batch,
    crowd,
    figure,
    import_order,
    memory,
    panel,
    round_trips,
    staging_source,
    start,
    transfer,
    tree,
    watcher,
)
from sandbox.site import Site

#: Each with the sentence that --help shows. `memory` fills OMERO with images, so it comes last but one.
BENCHMARKS = {
    "start": (start, "from the command line to the first task of the order"),
    "import_order": (import_order, "an order of 200 files beside a bare loop over the same OMERO calls"),
    "batch": (batch, "a night's batch of small files beside a bare loop over the same OMERO calls, and once more"),
    "crowd": (crowd, "the orders of 100 users at once, and how long the smallest waits"),
    "staging_source": (
        staging_source,
        "the bytes that an analysis sends, beside cp and a bare loop over OMERO's planes",
    ),
    "round_trips": (round_trips, "the logins and commands of an analysis run, counted in sshd's log"),
    "transfer": (transfer, "inputs to the cluster and results back, beside cp and OpenSSH's own client"),
    "watcher": (watcher, "the watcher of a cluster with 10,000 waiting runs and as many pending jobs"),
    "panel": (panel, "the panel's pages with 100,000 runs in Prefect and 20,000 files in a folder"),
    "memory": (memory, "the worker idle, and the embedded OMERO with 20,000 images"),
    "tree": (tree, "login to tree in OMERO.web beside a login with OMERO's own client"),
}


def main() -> int:
    listing = "\n".join(f"  {name:15} {about}" for name, (_, about) in BENCHMARKS.items())
    parser = argparse.ArgumentParser(description=__doc__, epilog=f"benchmarks:\n{listing}",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("names", nargs="*", metavar="NAME")
    wanted = parser.parse_args().names or list(BENCHMARKS)
    if unknown := sorted(set(wanted) - set(BENCHMARKS)):
        print(f"no benchmark {', '.join(unknown)}; there are:\n{listing}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="omero-flows-bench-") as folder:
        site = Site(Path(folder) / "site", bound_to_me=True)
        print("starting a site", flush=True)
        site.start(progress=lambda name, status: print(f"  {name}: {status.state} {status.detail}", flush=True))
        try:
            for name in wanted:
                module, about = BENCHMARKS[name]
                print(f"\n{name}: {about}", flush=True)
                figures = module.measure(site)
                for measured in figures:
                    print(f"  {measured.name}: {measured.value:,.4g} {measured.unit}  {measured.beside}", flush=True)
                figure.keep(about[0].upper() + about[1:], figures)
        finally:
            site.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
