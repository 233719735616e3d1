#!/usr/bin/env python3
"""CPU per query of ecs-resolver and of other servers with the same names, in one run, round by round in turns.

    cargo build --release && cargo build --release --example load
    benches/side_by_side.py [--rounds 10] [--seconds 1] [--window 32] [--services 1000] [PEER...]

Peers: nsd, knotd, unbound (Debian: nsd, knot, unbound); those that are not installed are left out. The zone is the one
that `ecs-resolver demo --services N` answers with, read from its /zone. Servers run on core 0, the load on core 1. CPU is
the time on a core of the whole process (/proc/PID/stat, in ticks of 10 ms, so a round should take a second). Prints the
median of each server, and of the ratios to ours with an interval that holds the true median with 95 %.
"""

import argparse
import os
import random
import re
import shutil
import statistics
import subprocess
import tempfile
import time
import urllib.request

OURS, HTTP = 23501, 23551
PORTS = {"nsd": 23502, "knotd": 23503, "unbound": 23504}
TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--window", type=int, default=32)
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--resolver", default=f"{TOP}/target/release/ecs-resolver")
    parser.add_argument("--load", default=f"{TOP}/target/release/examples/load")
    parser.add_argument("peers", nargs="*", default=list(PORTS))
    return parser.parse_args()


def start(command, log):
    return subprocess.Popen(["taskset", "-c", "0", *command], stdout=log, stderr=log)


def configure(peer, home, zone):
    """The files that a peer needs, and its command."""
    port = PORTS[peer]
    if peer == "nsd":
        conf = f'server:\n ip-address: 127.0.0.1@{port}\n username: ""\n zonesdir: "{home}"\n database: ""\n pidfile: ""\n'
        conf += f' zonelistfile: "{home}/nsd.list"\n xfrdfile: "{home}/nsd.xfrd"\n xfrdir: "{home}"\n rrl-ratelimit: 0\n'
        conf += f' rrl-whitelist-ratelimit: 0\nremote-control:\n control-enable: no\nzone:\n name: ecs.internal\n zonefile: {zone}\n'
        command = ["nsd", "-d", "-c"]
    elif peer == "knotd":
        conf = f'server:\n  listen: 127.0.0.1@{port}\n  udp-workers: 1\n  rundir: "{home}"\ndatabase:\n  storage: "{home}"\n'
        conf += f'zone:\n  - domain: ecs.internal\n    file: "{zone}"\n    zonefile-load: whole\n    journal-content: none\n'
        command = ["knotd", "-c"]
    else:
        conf = f'server:\n interface: 127.0.0.1\n port: {port}\n do-daemonize: no\n chroot: ""\n username: ""\n pidfile: ""\n'
        conf += f' directory: "{home}"\n use-syslog: no\n num-threads: 1\n local-zone: "internal." nodefault\n'
        conf += f'auth-zone:\n name: "ecs.internal"\n zonefile: "{zone}"\nremote-control:\n control-enable: no\n'
        command = ["unbound", "-d", "-p", "-c"]
    with open(f"{home}/{peer}.conf", "w") as file:
        file.write(conf)
    return [*command, f"{home}/{peer}.conf"]


def queries(path, services):
    """80 % A, 10 % SRV, 5 % AAAA (of which there are none) and 5 % names that do not exist."""
    draw = random.Random(7)
    with open(path, "w") as file:
        for _ in range(50_000):
            name, kind = f"svc-{draw.randrange(services):04d}.ecs.internal", draw.random()
            line = f"{name} A" if kind < 0.8 else f"_http._tcp.{name} SRV" if kind < 0.9 else f"{name} AAAA"
            file.write((line if kind < 0.95 else f"no-{name} A") + "\n")


def cpu(process):
    """Nanoseconds on a core, of the process and its children."""
    pids = [process.pid]
    for pid in pids:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            pids += [int(child) for child in file.read().split()]
    total = 0
    for pid in pids:
        # Of the whole process: threads that have ended are in it, as they are not in /proc/PID/task.
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        total += (int(fields[11]) + int(fields[12])) * 10**9 // os.sysconf("SC_CLK_TCK")
    return total


def measure(options, process, port, path):
    before = cpu(process)
    command = ["taskset", "-c", "1", options.load, f"127.0.0.1:{port}", path, str(options.seconds), str(options.window)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    answered = int(re.match(r"(\d+) queries/s", said)[1]) * options.seconds
    return (cpu(process) - before) / 1000 / max(answered, 1)


def interval(values):
    """Bounds of the median with 95 %, by the ranks of the binomial distribution."""
    values, count = sorted(values), len(values)
    reach = round(0.98 * count**0.5)
    return values[max(0, count // 2 - reach)], values[min(count - 1, (count - 1) // 2 + reach)]


def main():
    options = arguments()
    home = tempfile.mkdtemp(prefix="side-by-side-")
    log = open(f"{home}/log", "w")
    path, zone = f"{home}/queries", f"{home}/zone"
    queries(path, options.services)
    demo = ["demo", "--services", str(options.services), "--no-churn", "--listen", f"127.0.0.1:{OURS}"]
    running = {"ours": (start([options.resolver, *demo, "--http", f"127.0.0.1:{HTTP}"], log), OURS)}
    try:
        time.sleep(3)
        with urllib.request.urlopen(f"http://127.0.0.1:{HTTP}/zone") as page, open(zone, "wb") as file:
            file.write(page.read())
        for peer in [peer for peer in options.peers if shutil.which(peer)]:
            running[peer] = (start(configure(peer, home, zone), log), PORTS[peer])
        time.sleep(3)
        costs = {name: [] for name in running}
        for number in range(options.rounds):
            names = list(running) if number % 2 == 0 else list(running)[::-1]
            for name in names:
                costs[name].append(measure(options, *running[name], path))
        for name, values in costs.items():
            ratios = [value / ours for value, ours in zip(values, costs["ours"])]
            low, high = interval(ratios)
            middle = statistics.median(ratios)
            print(f"{name:8} {statistics.median(values):6.2f} µs/query, {middle:.2f} × ours ({low:.2f}–{high:.2f})")
    finally:
        for process, _ in running.values():
            process.terminate()
        for process, _ in running.values():
            process.wait()
    print(f"logs and files: {home}")


main()
