#!/usr/bin/env python3
"""How long fresh questions take while 1,000 idle and 1,000 slow TCP clients hang on.

    cargo build --release && benches/crowd.py target/release/ecs-resolver

Starts the demo, asks it over UDP and over new TCP connections, lets the crowd in, and asks again. Idle clients say
nothing; slow ones send their question byte by byte, one a second; a third kind floods and never reads. Whoever is sent
away comes back a second later.
"""
import argparse, os, re, resource, selectors, socket, struct, subprocess, sys, time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("binary")
parser.add_argument("--idle", type=int, default=1000)
parser.add_argument("--slow", type=int, default=1000)
parser.add_argument("--unread", type=int, default=20)
parser.add_argument("--questions", type=int, default=2000)
parser.add_argument("--rate", type=float, default=200, help="questions a second of each kind")
parser.add_argument("--crowd", metavar="PORT", type=int, help=argparse.SUPPRESS)
arguments = parser.parse_args()

QUESTION = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + b"\3web\3ecs\10internal\0" + struct.pack(">HH", 1, 1)
FRAMED = struct.pack(">H", len(QUESTION)) + QUESTION


def crowd(port):
    """Keeps the clients there until standard input ends."""
    selector, now = selectors.DefaultSelector(), time.monotonic()
    kinds = ["idle"] * arguments.idle + ["slow"] * arguments.slow + ["unread"] * arguments.unread
    waiting = [(now, number, kind) for number, kind in enumerate(kinds)]
    open_, closed = {}, 0
    selector.register(sys.stdin, selectors.EVENT_READ)

    def leave(client):
        nonlocal closed
        closed += 1
        _, number, kind = open_.pop(client)
        selector.unregister(client)
        client.close()
        waiting.append((time.monotonic() + 1, number, kind))

    turn = now
    while True:
        for key, _ in selector.select(0.05):
            if key.fileobj is sys.stdin:
                print(f"{len(open_)} open, {closed} sent away", flush=True)
                return
            if open_[key.fileobj][2] == "unread":
                continue
            try:
                if not key.fileobj.recv(4096): leave(key.fileobj)
            except OSError: leave(key.fileobj)
        now = time.monotonic()
        due, waiting[:] = [w for w in waiting if w[0] <= now], [w for w in waiting if w[0] > now]
        for _, number, kind in due:
            client = socket.socket()
            # Several addresses, as several programs and containers would have.
            client.bind((f"127.0.{number % 4}.1", 0))
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
            open_[client] = [0, number, kind]
            selector.register(client, selectors.EVENT_READ)
        if now >= turn:
            turn = now + 1
            for client, state in list(open_.items()):
                if state[2] == "idle": continue
                try:
                    if state[2] == "slow":
                        client.send(FRAMED[state[0] % len(FRAMED):][:1])
                        state[0] += 1
                    else:
                        while True: client.send(FRAMED * 100)
                except BlockingIOError: pass
                except OSError: leave(client)


def over_udp(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.connect(address)
        client.send(QUESTION)
        return client.recv(4096)


def over_tcp(address):
    with socket.create_connection(address, timeout=5) as client:
        client.sendall(FRAMED)
        return client.recv(4096)[2:]


def measure(what, address):
    for name, ask in (("UDP", over_udp), ("TCP", over_tcp)):
        times, lost = [], 0
        begun = time.monotonic()
        for number in range(arguments.questions):
            time.sleep(max(0, begun + number / arguments.rate - time.monotonic()))
            start = time.monotonic()
            try:
                assert ask(address)[:2] == QUESTION[:2]
                times.append((time.monotonic() - start) * 1000)
            except OSError: lost += 1
        times.sort()
        at = lambda share: times[min(len(times) - 1, int(len(times) * share))] if times else float("nan")
        print(f"{what:12} {name}: p50 {at(.5):6.2f} ms  p99 {at(.99):6.2f} ms  max {at(1):6.2f} ms  lost {lost} of {arguments.questions}", flush=True)


def metrics(page):
    with socket.create_connection(page) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        text = b"".join(iter(lambda: client.recv(65536), b"")).decode()
    lines = re.findall(r"^ecs_resolver_dns_(tcp_connections \d+|dropped_total\S+ [1-9]\d*)", text, re.M)
    return ", ".join(lines)


def main():
    demo = subprocess.Popen(
        [arguments.binary, "demo", "--no-churn", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--upstream", "127.0.0.1:9"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        dns = http = None
        while not (dns and http):
            line = demo.stderr.readline()
            if not line: sys.exit("the demo has ended")
            dns = dns or re.search(r"answering DNS on ([\d.]+):(\d+)", line)
            http = http or re.search(r"HTTP on http://([\d.]+):(\d+)", line)
        dns, http = [(found[1], int(found[2])) for found in (dns, http)]
        time.sleep(2)
        measure("alone", dns)
        people = subprocess.Popen([sys.executable, *sys.argv, "--crowd", str(dns[1])], stdin=subprocess.PIPE)
        time.sleep(5)
        measure("in a crowd", dns)
        print(metrics(http))
        with open(f"/proc/{demo.pid}/status") as status: print(*re.findall(r"(?:VmRSS|FDSize).*", status.read()), sep=", ")
        people.communicate()
    finally:
        demo.kill()


_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
crowd(arguments.crowd) if arguments.crowd else main()
