"""The supervisor's own command: `python -m sandbox.site --home FOLDER`. People use `omero-flows sandbox up`."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from sandbox.site.addresses import CLUSTERS, DATABASES
from sandbox.site.supervisor import ALREADY_RUNNING, SITE, AlreadyRunning, UnknownService, supervise


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="the site's folder")
    parser.add_argument("--services", default=SITE, help="comma-separated; what they need comes along")
    parser.add_argument("--database", choices=DATABASES, help="for Prefect; default: PostgreSQL where it can run")
    parser.add_argument("--known-ports", action="store_true", help="ask for the usual ports first")
    parser.add_argument(
        "--accounting",
        action=argparse.BooleanOptionalAction,
        help="the cluster has slurmdbd; default: as before, with it at the first start",
    )
    parser.add_argument("--min-job-age", type=int, help="seconds slurmctld remembers an ended job")
    parser.add_argument(
        "--cluster",
        choices=CLUSTERS,
        help="default: as before, and at first Slurm where it can run",
    )
    parser.add_argument("--owner", type=int, help="stop when the process with this id is gone")
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(message)s")
    try:
        supervise(
            chosen.home,
            chosen.services.split(","),
            database=chosen.database,
            known_ports=chosen.known_ports,
            owner_pid=chosen.owner,
            accounting=chosen.accounting,
            min_job_age=chosen.min_job_age,
            cluster=chosen.cluster,
        )
    except AlreadyRunning as reason:
        logging.info("%s", reason)
        return ALREADY_RUNNING
    except UnknownService as error:
        logging.error("%s", error)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
