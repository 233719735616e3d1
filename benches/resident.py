#!/usr/bin/env python3
"""Resident memory of a daemon that has read a cluster through the SDK, by what it is.

    cargo build --release && benches/resident.py [--services 1000] [--tasks 3] [--seconds 60]

Prints kilobytes by kind of mapping (/proc/PID/smaps): before the cluster is known, when it is, and some passes later.
"""

import argparse
import os
import re
import signal
import subprocess
import tempfile
import time

import fake_ecs

PORT = 23562
TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CLOSED = "http://127.0.0.1:1"


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--tasks", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--definitions", type=int, default=100)
    parser.add_argument("--env", metavar="NAME=VALUE", action="append", default=[], help="for the daemon")
    parser.add_argument("--resolver", default=f"{TOP}/target/release/ecs-resolver")
    return parser.parse_args()


def kind(permissions, path, program):
    """What a mapping is."""
    if path == program:
        return {"r-xp": "text", "r--p": "read-only data", "rw-p": "data"}.get(permissions, "other")
    if path.startswith("/"):
        return "libraries"
    if path == "[heap]":
        return "heap"
    return "stack" if path == "[stack]" else "anonymous"


def resident(pid, program):
    """Kilobytes of each kind, and how many of each are of a file as it is on disk."""
    sums, clean = {}, 0
    with open(f"/proc/{pid}/smaps") as file:
        for line in file:
            head = re.match(r"[0-9a-f]+-[0-9a-f]+ (\S+) \S+ \S+ \d+\s*(.*)", line)
            if head:
                current = kind(head[1], head[2], program)
            elif line.startswith("Rss:"):
                size = int(line.split()[1])
                sums[current] = sums.get(current, 0) + size
                clean += size
            elif line.startswith("Anonymous:"):
                clean -= int(line.split()[1])
    return sums, clean


def tell(when, daemon, program):
    sums, clean = resident(daemon.pid, program)
    total = sum(sums.values())
    with open(f"/proc/{daemon.pid}/status") as file:
        peak = int(re.search(r"VmHWM:\s+(\d+)", file.read())[1])
    parts = ", ".join(f"{name} {size}" for name, size in sorted(sums.items(), key=lambda item: -item[1]))
    print(f"{when:24} {total:6} kB ({total / 1024:.1f} MiB; {clean} of files, {total - clean} its own; peak {peak}): {parts}")


def main():
    options = arguments()
    home = tempfile.mkdtemp(prefix="resident-")
    program = os.path.realpath(options.resolver)
    fake = fake_ecs.FakeEcs(fake_ecs.Cluster(options.services, options.tasks, options.definitions))
    command = [program, "run", "--config", "/dev/null", "--cluster", "prod", "--fallback", "off", "--http", "off"]
    command += ["--listen", f"127.0.0.1:{PORT}", "--upstream", "127.0.0.1:1", "--poll-interval", "5s"]
    command += ["--snapshot", "off"]
    last = f"{fake_ecs.service_name(options.services - 1)}.ecs.internal"
    extra = dict(pair.split("=", 1) for pair in options.env)
    with open(f"{home}/log", "w") as log:
        nobody = subprocess.Popen(command, env={**extra, **fake_ecs.environment(CLOSED)}, stdout=log, stderr=log)
        time.sleep(3)
        tell("AWS out of reach", nobody, program)
        nobody.send_signal(signal.SIGTERM)
        nobody.wait()
        daemon = subprocess.Popen(command, env={**extra, **fake_ecs.environment(fake.url)}, stdout=log, stderr=log)
    try:
        while fake_ecs.addresses(PORT, last) != options.tasks:
            time.sleep(0.2)
        tell("first answer", daemon, program)
        time.sleep(options.seconds)
        tell(f"{options.seconds:.0f} s later", daemon, program)
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait()
        fake.close()
    print(f"log: {home}/log")


main()
