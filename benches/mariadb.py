"""A MariaDB server for measurements, on a private folder and socket."""

import os
import subprocess

import measuring

NAME = "bench"
# For `measuring.need`.
PROGRAMS = "mariadbd=mariadb-server-core", "mariadb=mariadb-client-core"
# The time that a statement may take is what Foobar sets in each session; here all have it.
OPTIONS = [
    "--no-defaults",
    "--skip-networking",
    "--skip-log-bin",
    "--performance-schema=OFF",
    "--innodb-buffer-pool-size=256M",
    "--innodb-flush-log-at-trx-commit=2",
    "--max-connections=200",
    "--max-statement-time=5",
]


class MariaDb:
    """The server, and its database `bench`."""

    def __init__(self, folder, core, first=()):
        folder.mkdir()
        self.socket, data = folder / "socket", folder / "data"
        owner = ["--user=root"] if os.geteuid() == 0 else []
        paths = [f"--datadir={data}", *owner]
        install = ["mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run([*install, *paths], check=True, capture_output=True)
        command = ["mariadbd", *OPTIONS, *paths, f"--socket={self.socket}", f"--pid-file={folder}/pid"]
        self.server = measuring.start(command, self.socket, folder, first, core=core)
        self.run(f"CREATE DATABASE {NAME} CHARACTER SET utf8mb4", database="mysql")

    @property
    def url(self):
        return f"mysql://root@localhost/{NAME}?socket={self.socket}"

    def run(self, statements, database=NAME):
        """The rows of the last one, as lines."""
        command = ["mariadb", "--no-defaults", "-uroot", f"--socket={self.socket}", "--batch", "-N", database]
        done = subprocess.run(command, input=statements, check=True, capture_output=True, text=True)
        return done.stdout

    def processor_time(self):
        return measuring.processor_time(self.server.pids)

    def stop(self):
        self.server.stop()
