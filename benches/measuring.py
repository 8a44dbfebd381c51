"""What the measurements have in common: starting a server, its processor time, medians and tables."""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

KEEPALIVE_REQUESTS = 1_000_000_000
SERVER_CORE, CLIENT_CORE = "0", "1"


@dataclass
class Load:
    """What wrk has seen: requests, seconds, and times in microseconds."""

    requests: int
    seconds: float
    median: int
    p99: int

    @property
    def rate(self):
        return self.requests / self.seconds


@dataclass
class Server:
    """A running server."""

    address: str
    process: subprocess.Popen
    pids: list = field(default_factory=list)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def start(command, at, folder, first=(), environment=None, core=SERVER_CORE):
    """Starts a server on its core, and returns when it answers at a port, or at the path of a Unix socket.

    What it says goes to a file in the folder.
    """
    command = [*first, "taskset", "-c", core, *map(str, command)]
    with open(folder / "output", "w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ | (environment or {}))
    wait_until_it_answers(at, process, folder / "output")
    address = str(at) if isinstance(at, Path) else f"127.0.0.1:{at}"
    return Server(address, process, [process.pid, *children(process.pid)])


def run_client(name, command, first=()):
    """What a client prints that runs on its core."""
    done = subprocess.run([*first, "taskset", "-c", CLIENT_CORE, *map(str, command)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{name}: {done.stderr or done.stdout}")
    return done.stdout


def ask(name, url, seconds, connections, asks, first=()):
    """What wrk sees of a server, told `asks` (see asking.lua). Ends the program at any other status than 2xx."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "-s", "benches/asking.lua", url, "--", *asks]
    told = run_client(name, command, first)
    requests, duration, median, p99, failed = map(int, told.splitlines()[-1].split())
    if failed or not requests:
        sys.exit(f"{name}: {told}")
    return Load(requests, duration / 1e6, median, p99)


def need(*tools):
    """Ends the program if a tool is missing; `tool=package` where the package has another name."""
    pairs = [tool.partition("=") for tool in tools]
    missing = [package or tool for tool, _, package in pairs if not shutil.which(tool)]
    if missing:
        sys.exit(f"missing: apt-get install {' '.join(missing)}")


def cargo_build(*arguments):
    subprocess.run(["cargo", "build", "--release", "--locked", *arguments], check=True)


def build_servers(package, *programs, features=()):
    """Programs of a package that is not of the workspace."""
    bins = [word for program in programs for word in ("--bin", program)]
    package = ["--manifest-path", f"{package}/Cargo.toml", "--features", ",".join(features)]
    cargo_build(*package, "--target-dir", "target/servers", *bins)


def free_port():
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return chosen.getsockname()[1]


def wait_until_it_answers(at, process, output):
    while process.poll() is None:
        try:
            connect(at).close()
            return
        except (ConnectionRefusedError, FileNotFoundError):
            time.sleep(0.01)
    sys.exit(output.read_text())


def connect(at):
    """A connection to a port, or to the path of a Unix socket."""
    if not isinstance(at, Path):
        return socket.create_connection(("127.0.0.1", at))
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(at))
    return connection


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def processor_time(pids):
    """In nanoseconds, by the clock that clock_getcpuclockid(3) gives."""
    return sum(time.clock_gettime_ns(~pid << 3 | 2) for pid in pids)


def row(cells):
    return "| " + " | ".join(cells) + " |"


def ratio(above, below):
    """Of the figures of the same round: the median, the least and the most. A slow minute of the machine hits both."""
    ratios = [one / other for one, other in zip(above, below, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


def figure(value, digits=1):
    return "" if value is None else f"{value:,.{digits}f}"
