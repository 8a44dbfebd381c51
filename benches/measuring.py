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
class Server:
    """A running server."""

    address: str
    process: subprocess.Popen
    pids: list = field(default_factory=list)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def start(command, port, folder, first=(), environment=None):
    """Starts a server on its core, and returns when it answers; what it says goes to a file in the folder."""
    command = [*first, "taskset", "-c", SERVER_CORE, *map(str, command)]
    with open(folder / "output", "w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ | (environment or {}))
    wait_until_it_answers(port, process, folder / "output")
    return Server(f"127.0.0.1:{port}", process, [process.pid, *children(process.pid)])


def run_client(name, command, first=()):
    """What a client prints that runs on its core."""
    done = subprocess.run([*first, "taskset", "-c", CLIENT_CORE, *map(str, command)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{name}: {done.stderr or done.stdout}")
    return done.stdout


def need(*tools):
    """Ends the program if a tool is missing; `tool=package` where the package has another name."""
    pairs = [tool.partition("=") for tool in tools]
    missing = [package or tool for tool, _, package in pairs if not shutil.which(tool)]
    if missing:
        sys.exit(f"missing: apt-get install {' '.join(missing)}")


def cargo_build(*arguments):
    subprocess.run(["cargo", "build", "--release", "--locked", *arguments], check=True)


def free_port():
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return chosen.getsockname()[1]


def wait_until_it_answers(port, process, output):
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.01)
    sys.exit(output.read_text())


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
