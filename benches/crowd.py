#!/usr/bin/env python3
"""How long fresh questions take while 1,000 idle and 1,000 slow TCP clients hang on.

    cargo build --release --bin ecs-resolver --example load && benches/crowd.py

Starts the demo, asks it over UDP and over new TCP connections, lets the crowd in, and asks again. Idle clients say
nothing; slow ones send their question byte by byte, one a second; a third kind floods and never reads. Whoever is sent
away comes back a second later, more or less; with --in-step, all that were sent away together come back together, and
all bytes come at once.
"""

import argparse
import json
import os
import random
import re
import resource
import selectors
import socket
import struct
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("binary", nargs="?", default=f"{TOP}/target/release/ecs-resolver")
parser.add_argument("--load", default=f"{TOP}/target/release/examples/load")
parser.add_argument("--idle", type=int, default=1000)
parser.add_argument("--slow", type=int, default=1000)
parser.add_argument("--unread", type=int, default=20)
parser.add_argument("--in-step", action="store_true")
parser.add_argument("--seconds", type=float, default=10, help="of each measurement")
parser.add_argument("--rounds", type=int, default=1)
parser.add_argument("--rate", type=float, default=200, help="questions a second of each kind")
parser.add_argument("--crowd", metavar="PORT", type=int, help=argparse.SUPPRESS)
arguments = parser.parse_args()

QUESTION = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + b"\3web\3ecs\10internal\0" + struct.pack(">HH", 1, 1)
FRAMED = struct.pack(">H", len(QUESTION)) + QUESTION


class Crowd:
    """The clients: open ones by socket, and those that come back, with the time at which they do."""

    def __init__(self, port):
        self.port = port
        self.selector = selectors.DefaultSelector()
        self.selector.register(sys.stdin, selectors.EVENT_READ)
        kinds = ["idle"] * arguments.idle + ["slow"] * arguments.slow + ["unread"] * arguments.unread
        now = time.monotonic()
        self.waiting = [(now, number, kind) for number, kind in enumerate(kinds)]
        self.open, self.sent_away = {}, 0

    def soon(self):
        return time.monotonic() + (1.0 if arguments.in_step else random.uniform(0.5, 1.5))

    def arrive(self, number, kind):
        client = socket.socket()
        # Several addresses, as several programs and containers would have.
        client.bind((f"127.0.{number % 4}.1", 0))
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", self.port))
        self.open[client] = dict(number=number, kind=kind, said=0, next=self.soon())
        self.selector.register(client, selectors.EVENT_READ)

    def leave(self, client):
        self.sent_away += 1
        state = self.open.pop(client)
        self.selector.unregister(client)
        client.close()
        self.waiting.append((self.soon(), state["number"], state["kind"]))

    def speak(self, client, state):
        try:
            if state["kind"] == "slow":
                client.send(FRAMED[state["said"] % len(FRAMED):][:1])
                state["said"] += 1
            else:
                while True:
                    client.send(FRAMED * 100)
        except BlockingIOError:
            pass
        except OSError:
            self.leave(client)

    def look(self):
        """Notices who was sent away; says whether the crowd is to go on."""
        for key, _ in self.selector.select(0.02):
            client = key.fileobj
            if client is sys.stdin:
                return False
            if self.open[client]["kind"] != "unread":
                try:
                    if not client.recv(4096):
                        self.leave(client)
                except OSError:
                    self.leave(client)
        return True

    def run(self):
        """Keeps the clients there until standard input ends."""
        while self.look():
            now = time.monotonic()
            due, self.waiting = [w for w in self.waiting if w[0] <= now], [w for w in self.waiting if w[0] > now]
            for _, number, kind in due:
                self.arrive(number, kind)
            for client, state in list(self.open.items()):
                if state["kind"] != "idle" and state["next"] <= now:
                    state["next"] += 1
                    self.speak(client, state)
        print(f"{len(self.open)} open, {self.sent_away} sent away", flush=True)


def measure(what, address, questions):
    for name, more in (("UDP", ["--rest"]), ("TCP", ["--once", "--rest"])):
        command = [arguments.load, "%s:%d" % address, questions, str(arguments.seconds), "1000", "--json"]
        said = json.loads(subprocess.check_output([*command, "--rate", str(arguments.rate), *more]))
        p50, p99, most = (said[figure] / 1000 for figure in ("p50", "p99", "max"))
        print(f"{what:12} {name}: p50 {p50:6.2f} ms  p99 {p99:6.2f} ms  max {most:6.2f} ms  lost {said['lost']} of "
              f"{said['answered'] + said['lost']}", flush=True)


def metrics(page):
    with socket.create_connection(page) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        text = b"".join(iter(lambda: client.recv(65536), b"")).decode()
    lines = re.findall(r"^ecs_resolver_dns_(tcp_connections \d+|dropped_total\S+ [1-9]\d*)", text, re.M)
    return ", ".join(lines)


def main():
    command = [arguments.binary, "demo", "--no-churn", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]
    demo = subprocess.Popen([*command, "--upstream", "127.0.0.1:9"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                            text=True)
    try:
        dns = http = None
        while not (dns and http):
            line = demo.stderr.readline()
            if not line:
                sys.exit("the demo has ended")
            dns = dns or re.search(r"answering DNS on ([\d.]+):(\d+)", line)
            http = http or re.search(r"HTTP on http://([\d.]+):(\d+)", line)
        dns, http = [(found[1], int(found[2])) for found in (dns, http)]
        time.sleep(2)
        with tempfile.NamedTemporaryFile("w") as questions:
            questions.write("web.ecs.internal A\n")
            questions.flush()
            for _ in range(arguments.rounds):
                measure("alone", dns, questions.name)
                people = subprocess.Popen([sys.executable, *sys.argv, "--crowd", str(dns[1])], stdin=subprocess.PIPE)
                time.sleep(5)
                measure("in a crowd", dns, questions.name)
                print(metrics(http), flush=True)
                people.communicate()
                time.sleep(1)
        with open(f"/proc/{demo.pid}/status") as status:
            print(*re.findall(r"(?:VmRSS|FDSize).*", status.read()), sep=", ")
    finally:
        demo.kill()


_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
if arguments.crowd:
    Crowd(arguments.crowd).run()
else:
    main()
