"""slurmdbd and the MariaDB below it: who used what. A site may have none, as many clusters do."""

from __future__ import annotations

import os
import shutil
import socket

from sandbox.cluster.configuration import CLUSTER, database_accounts
from sandbox.cluster.service import ClusterService
from sandbox.site.home import write_private
from sandbox.site.service import NotAvailable, Unhealthy

_WITHOUT = "this site's cluster keeps no accounting"


class MariaDb(ClusterService):
    """slurmdbd's database, on a socket inside the machine, without network."""

    name = "mariadb"

    def prepare(self) -> None:
        super().prepare()
        if not self.addresses.accounting:
            raise NotAvailable(_WITHOUT)
        for program, package in (("mariadbd", "mariadb-server-core"), ("my_print_defaults", "mariadb-client-core")):
            if shutil.which(program, path="/usr/sbin:/usr/bin") is None:
                raise NotAvailable(f"MariaDB's {program} is not installed (apt-get install {package}): no accounting")
        folder = self.machine.spool / "mysql"
        folder.mkdir(mode=0o700, exist_ok=True)
        write_private(folder / "accounts.sql", database_accounts())
        if (folder / "data").exists():
            return
        # A folder that was left half-made after a kill must not be taken for a database.
        shutil.rmtree(folder / "partial", ignore_errors=True)
        try:
            self.ask(
                "mariadb-install-db",
                "--no-defaults",
                "--user=root",
                "--datadir=/var/spool/mysql/partial",
                "--auth-root-authentication-method=socket",
                "--skip-test-db",
                "--skip-name-resolve",
                "--innodb-log-file-size=8M",
                "--innodb-flush-method=nosync",  # 2 s instead of 6 on a busy disk
                seconds=120.0,
            )
        except Unhealthy as problem:
            raise NotAvailable(str(problem)) from problem
        (folder / "partial").rename(folder / "data")

    def daemon(self) -> list[str]:
        return [
            "/usr/sbin/mariadbd",
            "--no-defaults",
            "--user=root",
            "--datadir=/var/spool/mysql/data",
            "--socket=/run/mysqld/mysqld.sock",
            "--pid-file=/run/mysqld/mysqld.pid",
            "--skip-networking",
            "--init-file=/var/spool/mysql/accounts.sql",
            "--innodb-buffer-pool-size=64M",
            "--innodb-log-file-size=8M",
            # slurmdbd's own advice: it locks tables for long while it rolls usage up.
            "--innodb-lock-wait-timeout=900",
            # A crash of the host may lose a demo's last second; a kill of the process loses nothing.
            "--innodb-flush-log-at-trx-commit=0",
        ]

    def check(self) -> None:
        """The server speaks first: its greeting has protocol version 10 (MariaDB, "Initial handshake packet")."""
        folder = os.open(self.machine.run / "mysqld", os.O_PATH)
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(5)
                # A socket's path may have 107 bytes, and a site's folder may be deep.
                connection.connect(f"/proc/self/fd/{folder}/mysqld.sock")
                greeting = connection.recv(5)
        except OSError as error:
            raise Unhealthy(f"MariaDB does not answer: {error}") from error
        finally:
            os.close(folder)
        if greeting[4:] != b"\x0a":
            raise Unhealthy(f"MariaDB greeted with {greeting!r}")


class Slurmdbd(ClusterService):
    """Slurm's accounting: what sacct and sreport read, also after slurmctld has forgotten a job."""

    name = "slurmdbd"
    needs = ("munge", "mariadb")

    def prepare(self) -> None:
        super().prepare()
        if not self.addresses.accounting:
            raise NotAvailable(_WITHOUT)
        if shutil.which("slurmdbd", path="/usr/sbin") is None:
            raise NotAvailable("slurmdbd is not installed (apt-get install slurmdbd): no Slurm accounting")

    def daemon(self) -> list[str]:
        return ["/usr/sbin/slurmdbd", "-D"]

    def check(self) -> None:
        """It answers, and knows the cluster: slurmctld's records are refused until it does."""
        if CLUSTER not in self._clusters():
            self.ask("sacctmgr", "--immediate", "add", "cluster", CLUSTER)
            if CLUSTER not in self._clusters():
                raise Unhealthy(f"slurmdbd does not know the cluster {CLUSTER}")

    def _clusters(self) -> list[str]:
        return self.ask("sacctmgr", "--noheader", "--parsable2", "list", "cluster", "format=cluster").split()
