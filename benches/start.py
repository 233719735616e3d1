#!/usr/bin/env python3
"""From exec to the first right answer, with an inventory on disk and AWS out of reach; and what that inventory costs.

    cargo build --release && benches/start.py [--services 2500] [--tasks 4] [--starts 20]

A daemon first reads a fake ECS and saves what it has learned; its time to save is that of its last, at SIGTERM. Then daemons
are started on that file, one after the other, with AWS at a port that is closed. The clock starts before fork; the first
answer must have all addresses of the last service. CPU is that of all threads until then: on a machine that does other
things as well, it says more than the time.
"""

import argparse
import os
import signal
import statistics
import subprocess
import tempfile
import time

import fake_ecs

PORT = 23561
TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CLOSED = "http://127.0.0.1:1"


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--services", type=int, default=2500)
    parser.add_argument("--tasks", type=int, default=4)
    parser.add_argument("--starts", type=int, default=20)
    parser.add_argument("--resolver", default=f"{TOP}/target/release/ecs-resolver")
    return parser.parse_args()


def start(options, home, endpoint):
    command = [options.resolver, "run", "--config", "/dev/null", "--cluster", "prod", "--fallback", "off", "--http", "off"]
    command += ["--listen", f"127.0.0.1:{PORT}", "--upstream", "127.0.0.1:1", "--snapshot", f"{home}/inventory"]
    log = open(f"{home}/log", "a")
    return subprocess.Popen(command, env=fake_ecs.environment(endpoint), stdout=log, stderr=log)


def first_answer(name, tasks, deadline):
    """Asks until it is answered in full; says when that was."""
    while time.monotonic() < deadline:
        # A port that nobody has bound says so at once.
        if fake_ecs.addresses(PORT, name, patience=0.02) == tasks:
            return time.monotonic()
        time.sleep(0.0005)
    raise SystemExit(f"{name} was not answered")


def kill(daemon):
    """Ends it at once; seconds on a core of all threads that it had, those that had ended before included."""
    daemon.kill()
    used = os.wait4(daemon.pid, 0)[2]
    daemon.wait()
    return used.ru_utime + used.ru_stime


def stop(daemon):
    daemon.send_signal(signal.SIGTERM)
    daemon.wait()


def read_once(options, home, last):
    """Lets a daemon learn the cluster and save it."""
    fake = fake_ecs.FakeEcs(fake_ecs.Cluster(options.services, options.tasks))
    daemon = start(options, home, fake.url)
    try:
        first_answer(last, options.tasks, time.monotonic() + 600)
        # The first save may still be under way; a pass that follows has what the first left out.
        time.sleep(10)
    finally:
        began = time.monotonic()
        stop(daemon)
        fake.close()
    return time.monotonic() - began


def main():
    options = arguments()
    home = tempfile.mkdtemp(prefix="start-")
    last = f"{fake_ecs.service_name(options.services - 1)}.ecs.internal"
    print(f"{options.services} services of {options.tasks} tasks; logs and files: {home}")
    print(f"stopped and saved in {read_once(options, home, last) * 1000:.0f} ms")
    print(f"the file has {os.path.getsize(f'{home}/inventory')} bytes")
    times, cpus = [], []
    for _ in range(options.starts):
        began = time.monotonic()
        daemon = start(options, home, CLOSED)
        try:
            times.append(first_answer(last, options.tasks, began + 60) - began)
        finally:
            cpus.append(kill(daemon))
    for what, values in [("first answer", times), ("CPU", cpus)]:
        low, middle, high = (value * 1000 for value in (min(values), statistics.median(values), max(values)))
        print(f"{what}: median {middle:.0f} ms, {low:.0f} to {high:.0f} ms, {len(values)} starts")


main()
