"""Starts the servers, has the client ask each of them in interleaved rounds, and prints the medians."""

import argparse
import ctypes
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent))
import measuring
from measuring import KEEPALIVE_REQUESTS, figure, free_port, processor_time, row

CLONE_NEWNET = 0x40000000
CONGESTION = Path("/proc/sys/net/ipv4/tcp_congestion_control")
MANY = 10_000
SIZES = {"1k": 1 << 10, "10k": 10 << 10, "100k": 100 << 10, "1m": 1 << 20, "10m": 10 << 20, "100m": 100 << 20}


@dataclass
class Case:
    """A kind of request, and how many connections make it."""

    title: str
    connections: int
    arguments: list
    logged: bool = False


CASES = {
    "1k": Case("1 KiB", 32, ["--path", "/1k.jpg"]),
    "10k": Case("10 KiB", 32, ["--path", "/10k.jpg"]),
    "100k": Case("100 KiB", 16, ["--path", "/100k.jpg"]),
    "1m": Case("1 MiB", 8, ["--path", "/1m.jpg"]),
    "10m": Case("10 MiB", 4, ["--path", "/10m.jpg"]),
    "100m": Case("100 MiB", 2, ["--path", "/100m.jpg"]),
    "many": Case(f"{MANY:,} files of 1 KiB", 32, ["--paths", "{work}/many.txt"]),
    "404": Case("404", 32, ["--path", "/missing.jpg", "--status", "404"]),
    "304": Case("304", 32, ["--path", "/1k.jpg", "--status", "304", "--if-none-match", "yes"]),
    "range": Case("64 KiB out of 1 MiB", 16, ["--path", "/1m.jpg", "--status", "206", "--range", "500000-565535"]),
    "new": Case("1 KiB, new connection each", 32, ["--path", "/1k.jpg", "--close", "yes"]),
    "log": Case("1 KiB, access log on", 32, ["--path", "/1k.jpg"], logged=True),
}
SERVERS = ["nginx", "bare", "foobar"]
# The ordinary one sleeps while it waits and reads what comes; the next polls, and has the kernel discard it. The last is
# not ours.
CLIENTS = {"ordinary": ["--read", "65536"], "awake": ["--spin", "yes"], "wrk": None}


def main():
    arguments = parse()
    if not arguments.no_build:
        build()
    if arguments.congestion:
        enter_another_network(arguments.congestion)
    with tempfile.TemporaryDirectory(prefix="foobar-static-") as work:
        work = Path(work)
        os.chmod(work, 0o755)
        make_files(work)
        bench = Bench(work, arguments)
        try:
            results = measure(bench, arguments)
        finally:
            bench.stop()
    report(results, arguments)


def parse():
    parser = argparse.ArgumentParser(prog="benches/static/run")
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    parser.add_argument("seconds", nargs="?", type=float, default=2)
    parser.add_argument("--cases", default=",".join(CASES), help="of: " + " ".join(CASES))
    parser.add_argument("--servers", default=",".join(SERVERS), help="of: " + " ".join(SERVERS))
    parser.add_argument("--client", choices=list(CLIENTS), default="ordinary", help="how it waits and reads")
    parser.add_argument("--congestion", metavar="NAME", help="another congestion control, as root: reno, cubic, bbr")
    parser.add_argument("--realtime", action="store_true", help="before all other programs, as root, if they are busy")
    parser.add_argument("--bare", default="", metavar="ARGUMENTS", help="more arguments for the bare loop")
    parser.add_argument("--foobar", metavar="PROGRAM", default="target/release/foobar", help="another build of Foobar")
    parser.add_argument("--before", metavar="PROGRAM", help="an older build of Foobar, measured beside this one")
    parser.add_argument("--no-build", action="store_true", help="measure what was built last")
    arguments = parser.parse_args()
    arguments.cases = arguments.cases.split(",")
    arguments.servers = arguments.servers.split(",")
    for name in arguments.cases:
        if name not in CASES:
            parser.error(f"no case {name}; there are: {' '.join(CASES)}")
    for tool, wanted in {"wrk": arguments.client == "wrk", "ip": arguments.congestion}.items():
        if wanted and not shutil.which(tool):
            parser.error(f"{tool} is missing: apt-get install wrk iproute2")
    if arguments.client == "wrk" and not arguments.seconds.is_integer():
        parser.error("wrk takes whole seconds")
    for name in arguments.servers:
        if name not in SERVERS:
            parser.error(f"no server {name}; there are: {' '.join(SERVERS)}")
    if arguments.before:
        arguments.servers.append("before")
    return arguments


def build():
    measuring.cargo_build("--bin", "foobar")
    measuring.cargo_build("--manifest-path", "benches/static/Cargo.toml", "--target-dir", "target/static")


def enter_another_network(congestion):
    """A network of this process alone, whose connections have this congestion control."""
    if ctypes.CDLL(None).unshare(CLONE_NEWNET) != 0:
        sys.exit("--congestion needs a network of its own, which only root may make")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    try:
        CONGESTION.write_text(congestion)
    except OSError as error:
        sys.exit(f"--congestion {congestion}: {error.strerror}; see net.ipv4.tcp_allowed_congestion_control")


def make_files(work):
    root = work / "root"
    many = root / "many"
    many.mkdir(parents=True)
    source = random.Random(1)
    for name, size in SIZES.items():
        (root / f"{name}.jpg").write_bytes(source.randbytes(size))
    paths = []
    for at in range(MANY):
        folder = many / f"{at % 100:02}"
        folder.mkdir(exist_ok=True)
        (folder / f"{at}.jpg").write_bytes(source.randbytes(1000 + at % 50))
        paths.append(f"/many/{folder.name}/{at}.jpg")
    (work / "many.txt").write_text("\n".join(paths) + "\n")


class Bench:
    """The servers, started when they are first asked, and the client."""

    def __init__(self, work, arguments):
        self.work, self.programs, self.program = work, Path("target/static/release"), arguments.foobar
        self.older = arguments.before
        self.more_for_bare = arguments.bare.split()
        self.first = ["chrt", "-f", "1"] if arguments.realtime else []
        self.seconds, self.client = arguments.seconds, CLIENTS[arguments.client]
        self.servers = {}

    def ask(self, name, case):
        """One run of the client; nothing from the bare loop where it has no log to write."""
        if case.logged and name == "bare":
            return None
        server = self.server(name, case.logged)
        if self.client is None:
            return self.ask_by_wrk(name, server, case)
        command = [str(self.programs / "client"), "--seconds", str(self.seconds), *self.client]
        command += ["--address", server.address, "--root", str(self.work / "root")]
        command += ["--connections", str(case.connections)]
        command += [argument.format(work=self.work) for argument in case.arguments]
        command += [word for pid in server.pids for word in ("--pid", str(pid))]
        return json.loads(measuring.run_client(name, command, self.first))

    def ask_by_wrk(self, name, server, case):
        """The same by wrk, which asks for one path and checks nothing."""
        options = dict(zip(case.arguments[::2], case.arguments[1::2]))
        if "--path" not in options:
            return None
        url = f"http://{server.address}{options['--path']}"
        command = ["wrk", "--latency", "-t1", f"-c{case.connections}", f"-d{self.seconds:g}"]
        command += [word for field in fields(options, url) for word in ("-H", field)]
        for pid in server.pids:
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak
        before = processor_time(server.pids)
        told = measuring.run_client(name, [*command, url], self.first)
        spent = processor_time(server.pids) - before
        unannounced = name == "bare" and "--close" in options  # its end of a connection is an error to wrk
        failed = "Socket errors" in told and not unannounced
        if failed or ("Non-2xx" in told) != (options.get("--status") == "404"):
            sys.exit(f"{name}: {told}")
        requests, seconds = re.search(r"(\d+) requests in ([\d.]+)s", told).groups()
        return {
            "per_second": int(requests) / float(seconds),
            "cpu_us": spent / 1000 / int(requests),
            "p50_us": latency(told, 50),
            "p99_us": latency(told, 99),
            "peak_kib": sum(peak(pid) for pid in server.pids),
        }

    def server(self, name, logged):
        key = name, logged
        if key not in self.servers:
            self.servers[key] = self.start(name, logged)
        return self.servers[key]

    def start(self, name, logged):
        port = free_port()
        folder = self.work / f"{name}-{'logged' if logged else 'silent'}"
        folder.mkdir()
        command = getattr(self, name)(f"127.0.0.1:{port}", folder, logged)
        return measuring.start(command, port, folder, self.first)

    def nginx(self, address, folder, logged):
        log = f"{folder}/access.log combined buffer=64k flush=1s" if logged else "off"
        kinds = "client_body", "proxy", "fastcgi", "uwsgi", "scgi"
        temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
        configuration = folder / "nginx.conf"
        configuration.write_text(f"""
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    {temporary}
    types {{ image/jpeg jpg; }}
    access_log {log};
    sendfile on;
    tcp_nopush on;
    open_file_cache max=20000 inactive=60s;
    open_file_cache_valid 60s;
    open_file_cache_errors on;
    log_not_found off;
    keepalive_requests {KEEPALIVE_REQUESTS};
    server {{ listen {address} backlog=4096; root {self.work}/root; }}
}}
""")
        return [shutil.which("nginx"), "-e", f"{folder}/error.log", "-c", str(configuration)]

    def bare(self, address, folder, logged):
        root = self.work / "root"
        return [str(self.programs / "bare"), "--listen", address, "--root", str(root), *self.more_for_bare]

    def foobar(self, address, folder, logged):
        return [self.program, *self.configuration(address, folder, logged)]

    def before(self, address, folder, logged):
        return [self.older, *self.configuration(address, folder, logged)]

    def configuration(self, address, folder, logged):
        configuration = folder / "foobar.toml"
        log = f"{folder}/access.log" if logged else "off"
        configuration.write_text(f"""
[web]
listen = ["{address}"]
workers = 1
keepalive_requests = {KEEPALIVE_REQUESTS}
access_log = "{log}"

[admin]
listen = "off"

[sites.benchmark]
root = "{self.work}/root"
try_files = ["file", "index"]
""")
        return ["--config", str(configuration)]

    def stop(self):
        for server in self.servers.values():
            server.stop()


def fields(options, url):
    """The fields with which wrk asks for what our client asks for by these options."""
    if "--range" in options:
        yield f"Range: bytes={options['--range']}"
    if "--close" in options:
        yield "Connection: close"
    if "--if-none-match" in options:
        with urllib.request.urlopen(url) as answer:
            yield f"If-None-Match: {answer.headers['ETag']}"


def latency(told, percentile):
    """In microseconds, as wrk tells it."""
    value, unit = re.search(rf"\s{percentile}%\s+([\d.]+)(us|ms|s)", told).groups()
    return float(value) * {"us": 1, "ms": 1_000, "s": 1_000_000}[unit]


def peak(pid):
    return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


def measure(bench, arguments):
    """All results, by case and server."""
    results = defaultdict(lambda: defaultdict(list))
    for turn in range(arguments.rounds):
        for case in arguments.cases:
            first = turn % len(arguments.servers)
            for name in arguments.servers[first:] + arguments.servers[:first]:
                if result := bench.ask(name, CASES[case]):
                    results[case][name].append(result)
                    print(f"round {turn + 1}: {case} {name} {json.dumps(result)}", file=sys.stderr)
    return results


def report(results, arguments):
    lines = tables(results, arguments)
    target = Path("target/static/result.md")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def tables(results, arguments):
    names = arguments.servers
    lines = [*costs(results, names), "", *speeds(results, names), ""]
    lines.append(f"Medians of {arguments.rounds} rounds of {arguments.seconds:g} s; client {arguments.client}; "
                 f"congestion control {CONGESTION.read_text().strip()}.")
    return lines


def costs(results, names):
    pairs = {"nginx/Foobar": ("nginx", "foobar"), "Foobar/bare": ("foobar", "bare"), "nginx/bare": ("nginx", "bare")}
    if "before" in names:
        pairs["Foobar/before"] = ("foobar", "before")
    header = ["", *pairs, *(f"µs/request, {name}" for name in names)]
    header += [f"peak MiB, {name}" for name in names]
    lines = [row(header), row(["---"] * len(header))]
    for case, by_server in results.items():
        cpu = {name: median(by_server.get(name), "cpu_us") for name in names}
        cells = [CASES[case].title]
        cells += [ratio(by_server, *pair, "cpu_us") for pair in pairs.values()]
        cells += [figure(cpu[name]) for name in names]
        cells += [figure(mebibytes(by_server.get(name))) for name in names]
        lines.append(row(cells))
    return lines


def speeds(results, names):
    header = ["", "p99, nginx/Foobar", *(f"requests/s, {name}" for name in names)]
    header += [f"p50, p99 µs, {name}" for name in names]
    lines = [row(header), row(["---"] * len(header))]
    for case, by_server in results.items():
        cells = [CASES[case].title, ratio(by_server, "nginx", "foobar", "p99_us")]
        cells += [figure(median(by_server.get(name), "per_second"), 0) for name in names]
        cells += [latencies(by_server.get(name)) for name in names]
        lines.append(row(cells))
    return lines


def median(results, key):
    return statistics.median(result[key] for result in results) if results else None


def ratio(by_server, above, below, key):
    if not by_server.get(above) or not by_server.get(below):
        return ""
    return measuring.ratio(*([result[key] for result in by_server[name]] for name in (above, below)))


def latencies(results):
    return f"{median(results, 'p50_us'):,.0f}, {median(results, 'p99_us'):,.0f}" if results else ""


def mebibytes(results):
    return max(result["peak_kib"] for result in results) / 1024 if results else None


if __name__ == "__main__":
    main()
