#!/usr/bin/env python3
"""How the forwarder fares when its upstream misbehaves, beside unbound and dnsmasq with the same load.

    benches/forwarding.py [--resolver target/release/ecs-resolver] [--seconds 60] [--rate 5000] [SCENARIO...]

Scenarios: outage (the upstream is killed under load), loss (it loses 30 % of the queries, with a warm cache), coalescing (1,000 clients
ask one cold name). Everything is on 127.0.0.1. Needs unbound and dnsmasq (Debian: unbound, dnsmasq-base). Not part of
the checks: it takes minutes, and its times depend on what else the machine does.
"""

import argparse
import collections
import multiprocessing
import os
import random
import selectors
import socket
import struct
import subprocess
import sys
import tempfile
import time

NAMES = 10_000
PATIENCE = 5.0  # seconds after which a stub resolver gives up


def question(number, name_id):
    name = f"n{name_id}.bench.example"
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"


def serve_upstream(port, ttl, loss, delay, counter):
    """Answers every A question but those that it loses; counts what arrives."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.bind(("127.0.0.1", port))
    record = b"\xc0\x0c\0\1\0\1" + struct.pack("!I", ttl) + b"\0\4\xc0\0\2\1"
    while True:
        query, client = sock.recvfrom(2048)
        if b"ecs-resolver-probe" not in query:
            counter.value += 1
        if random.random() < loss.value:
            continue
        if delay:
            time.sleep(delay)
        end = query.index(0, 12) + 5
        sock.sendto(query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + query[12:end] + record, client)


class Load:
    """Sends questions at a rate from 64 sockets and keeps what becomes of each."""

    def __init__(self, port):
        self.selector = selectors.DefaultSelector()
        self.socks = []
        for _ in range(64):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            sock.connect(("127.0.0.1", port))
            sock.setblocking(False)
            self.selector.register(sock, selectors.EVENT_READ, len(self.socks))
            self.socks.append(sock)
        self.waiting = {}
        self.latencies = []
        self.rcodes = collections.Counter()
        self.sent = 0

    def send(self, name_id):
        place, number = self.sent % 64, (self.sent // 64) % 65536
        try:
            self.socks[place].send(question(number, name_id))
        except (BlockingIOError, ConnectionRefusedError):
            pass
        self.waiting[place, number] = time.monotonic()
        self.sent += 1

    def receive(self, wait):
        for key, _ in self.selector.select(wait):
            while True:
                try:
                    reply = key.fileobj.recv(2048)
                except (BlockingIOError, ConnectionRefusedError):
                    break
                since = self.waiting.pop((key.data, struct.unpack("!H", reply[:2])[0]), None)
                if since is not None:
                    self.latencies.append(time.monotonic() - since)
                    self.rcodes[reply[3] & 15] += 1

    def run(self, names, rate):
        begun = time.monotonic()
        for count, name_id in enumerate(names):
            while (ahead := begun + count / rate - time.monotonic()) > 0:
                self.receive(ahead)
            self.send(name_id)
            if count % 16 == 0:
                self.receive(0)
        deadline = time.monotonic() + PATIENCE
        while self.waiting and time.monotonic() < deadline:
            self.receive(0.1)

    def report(self):
        good = self.rcodes[0]
        late = sorted(self.latencies)
        p = lambda part: f"{1000 * late[min(len(late) - 1, int(part * len(late)))]:.1f} ms" if late else "-"
        return (f"{self.sent} asked, {good} answered, {self.sent - good} not "
                f"(SERVFAIL {self.rcodes[2]}, silence {len(self.waiting)}); p50 {p(.5)}, p99 {p(.99)}, p99.9 {p(.999)}")


def command(kind, folder, port, upstream, resolver):
    """The command of a forwarder with a large cache, and stale answers if it knows them."""
    if kind == "ecs-resolver":
        return [resolver, "run", "--source", "off", "--zone", "elsewhere.test", "--listen", f"127.0.0.1:{port}",
                "--http", "off", "--upstream", f"127.0.0.1:{upstream}", "--cache-size", "64MiB"]
    if kind == "unbound":
        path = os.path.join(folder, "unbound.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'server:\n interface: 127.0.0.1@{port}\n port: {port}\n do-daemonize: no\n username: ""\n chroot: ""\n'
                       f' pidfile: ""\n use-syslog: no\n do-not-query-localhost: no\n module-config: "iterator"\n'
                       f' serve-expired: yes\n serve-expired-client-timeout: 1800\n msg-cache-size: 64m\n'
                       f' rrset-cache-size: 64m\n so-rcvbuf: 4m\nremote-control:\n control-enable: no\nforward-zone:\n name: "."\n'
                       f' forward-addr: 127.0.0.1@{upstream}\n')
        return ["/usr/sbin/unbound", "-d", "-c", path]
    return ["/usr/sbin/dnsmasq", "-d", "-C", "/dev/null", "-R", "-h", "-p", str(port), "-a", "127.0.0.1", "-z", "-c", "20000",
            "--use-stale-cache", "-S", f"127.0.0.1#{upstream}", "-x", os.path.join(folder, "pid"), "-u", "root"]


class Forwarder:
    """A forwarder over an upstream, both running; ended on exit."""

    def __init__(self, kind, options, ttl, delay=0.0):
        self.folder = tempfile.TemporaryDirectory()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two:
            one.bind(("127.0.0.1", 0)), two.bind(("127.0.0.1", 0))
            self.port, self.up = one.getsockname()[1], two.getsockname()[1]
        self.counter, self.loss = multiprocessing.Value("Q", 0), multiprocessing.Value("d", 0.0)
        arguments = (self.up, ttl, self.loss, delay, self.counter)
        self.upstream = multiprocessing.Process(target=serve_upstream, args=arguments, daemon=True)
        self.upstream.start()
        line = command(kind, self.folder.name, self.port, self.up, options.resolver)
        self.child = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while True:
            load = Load(self.port)
            load.run([NAMES + 1], 10) if time.monotonic() > deadline - 29.5 else time.sleep(0.3)
            if load.rcodes[0] or time.monotonic() > deadline:
                break

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.terminate()
        self.child.wait()
        self.upstream.terminate()


def outage(kind, options):
    with Forwarder(kind, options, ttl=20) as forwarder:
        for _ in range(3):
            Load(forwarder.port).run(range(NAMES), 800)
        forwarder.upstream.terminate()
        load = Load(forwarder.port)
        load.run([random.randrange(NAMES) for _ in range(options.rate * options.seconds)], options.rate)
        return load.report()


def loss(kind, options):
    with Forwarder(kind, options, ttl=20) as forwarder:
        for _ in range(2):
            Load(forwarder.port).run(range(NAMES), 700)
        forwarder.loss.value = 0.3
        load, begun = Load(forwarder.port), forwarder.counter.value
        # Half of the questions are for a tenth of the names.
        names = [random.randrange(NAMES // 10 if random.random() < 0.5 else NAMES) for _ in range(100_000)]
        load.run(names, 2000)
        return f"{load.report()}; {forwarder.counter.value - begun} packets upstream"


def coalescing(kind, options):
    with Forwarder(kind, options, ttl=20, delay=0.1) as forwarder:
        time.sleep(1)
        begun = forwarder.counter.value
        load = Load(forwarder.port)
        load.run([7] * 1000, 1e9)
        return f"{load.report()}; {forwarder.counter.value - begun} packets upstream"


SCENARIOS = {"outage": outage, "loss": loss, "coalescing": coalescing}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resolver", default="target/release/ecs-resolver")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rate", type=int, default=5000)
    parser.add_argument("--kinds", default="ecs-resolver,unbound,dnsmasq")
    parser.add_argument("scenarios", nargs="*", default=list(SCENARIOS))
    options = parser.parse_args()
    print("load average before:", *os.getloadavg(), file=sys.stderr)
    for scenario in options.scenarios:
        for kind in options.kinds.split(","):
            print(f"{scenario}, {kind}: {SCENARIOS[scenario](kind, options)}", flush=True)


if __name__ == "__main__":
    main()
