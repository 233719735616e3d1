"""The servers: their configurations, and how they are started and stopped."""

import os
import shutil
import signal
import subprocess
import time
import urllib.request

import world

UPSTREAM = 23500
PORTS = {
    "ours": 23501, "ours-2-workers": 23502, "ours-10": 23503, "ours-100000": 23504,
    "still": 23505, "changing": 23506,
    "epoll": 23510, "mmsg": 23511, "naive": 23512,
    "nsd": 23520, "knotd": 23521, "unbound": 23522, "pdns_recursor": 23523, "dnsdist": 23524,
}
HTTP = 5_000  # from the port of ours to that of its pages; below the ports that the kernel gives to others
CHANGES = {"still": "0", "changing": "1000"}  # a second
FLEET = (25_000, 4)  # services, and tasks of each, of those
LIMITS = ("epoll", "mmsg", "naive")


def services_of(name, services):
    """Services that there are, of `services` that are wanted of all that have no number of their own."""
    if name in CHANGES:
        return FLEET[0]
    return {"ours-10": 10, "ours-100000": 100_000}.get(name, services)


def ours(name, home, services):
    inventory = f"{home}/inventory-{services}.json"
    if not os.path.exists(inventory):
        write(inventory, world.inventory(services))
    port = PORTS[name]
    write(f"{home}/{port}.toml", f"""
[dns]
listen = ["127.0.0.1:{port}"]
ttl = 3600
negative_ttl = 3600
workers = {2 if name == "ours-2-workers" else 1}
[ecs]
source = "fixture"
fixture = "{inventory}"
clusters = ["prod"]
[limits]
inventory = 1000000
[route53]
fallback = "off"
[forward]
upstreams = ["127.0.0.1:{UPSTREAM}"]
rate = 1000000
negative_ttl = 3600
[http]
listen = "127.0.0.1:{port + HTTP}"
""")
    return ["run", "--config", f"{home}/{port}.toml"]


def nsd(name, port, home):
    os.makedirs(f"{home}/{name}", exist_ok=True)
    zones = "".join(f"zone:\n name: {zone}\n zonefile: {home}/{zone}\n" for zone in ("ecs.internal", "example.com"))
    write(f"{home}/{name}.conf", f"""
server:
 server-count: 1
 ip-address: 127.0.0.1@{port}
 username: ""
 zonesdir: "{home}"
 database: ""
 pidfile: ""
 zonelistfile: "{home}/{name}/list"
 xfrdfile: "{home}/{name}/xfrd"
 xfrdir: "{home}/{name}"
 rrl-ratelimit: 0
 rrl-whitelist-ratelimit: 0
 minimal-responses: yes
remote-control:
 control-enable: no
{zones}""")
    return ["nsd", "-d", "-c", f"{home}/{name}.conf"]


def knotd(name, port, home):
    os.makedirs(f"{home}/knot", exist_ok=True)
    write(f"{home}/knotd.conf", f"""
server:
  listen: 127.0.0.1@{port}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  rundir: "{home}/knot"
database:
  storage: "{home}/knot"
zone:
  - domain: ecs.internal
    file: "{home}/ecs.internal"
    zonefile-load: whole
    journal-content: none
""")
    return ["knotd", "-c", f"{home}/knotd.conf"]


def unbound(name, port, home):
    """Our zone as local data: that is faster than an auth-zone."""
    with open(f"{home}/ecs.internal") as zone, open(f"{home}/local-data", "w") as data:
        data.write('local-zone: "ecs.internal." static\n')
        for record in zone.read().splitlines():
            quote = "'" if '"' in record else '"'
            data.write(f"local-data: {quote}{record}{quote}\n")
    write(f"{home}/unbound.conf", f"""
server:
 num-threads: 1
 interface: 127.0.0.1
 port: {port}
 do-ip6: no
 do-daemonize: no
 chroot: ""
 username: ""
 pidfile: ""
 directory: "{home}"
 use-syslog: no
 logfile: "/dev/null"
 module-config: "iterator"
 do-not-query-localhost: no
 include: "{home}/local-data"
remote-control:
 control-enable: no
forward-zone:
 name: "example.com."
 forward-addr: 127.0.0.1@{UPSTREAM}
""")
    return ["unbound", "-d", "-p", "-c", f"{home}/unbound.conf"]


def pdns_recursor(name, port, home):
    os.makedirs(f"{home}/pdns", exist_ok=True)
    write(f"{home}/pdns/recursor.conf", f"""
local-address=127.0.0.1
local-port={port}
threads=1
pdns-distributes-queries=no
reuseport=yes
forward-zones=example.com=127.0.0.1:{UPSTREAM}
dont-query=
dnssec=off
daemon=no
quiet=yes
loglevel=1
socket-dir={home}/pdns
hint-file=no
security-poll-suffix=
write-pid=no
max-negative-ttl=86400
""")
    return ["pdns_recursor", f"--config-dir={home}/pdns"]


def dnsdist(name, port, home):
    """A cache of packets in front of nsd, which has both zones."""
    write(f"{home}/dnsdist.conf", f"""
setLocal('127.0.0.1:{port}')
setACL({{'127.0.0.0/8'}})
setSecurityPollSuffix('')
newServer{{address='127.0.0.1:{UPSTREAM}', checkInterval=30, checkName='ns.example.com.'}}
getPool(''):setCache(newPacketCache(100000, {{maxTTL=86400}}))
setVerboseHealthChecks(false)
""")
    return ["dnsdist", "--supervised", "--disable-syslog", "-C", f"{home}/dnsdist.conf"]


PEERS = {peer.__name__: peer for peer in (nsd, knotd, unbound, pdns_recursor, dnsdist)}


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def installed(name):
    return name not in PEERS or shutil.which(name) is not None


class Servers:
    """Those that run, by name."""

    def __init__(self, home, services, programs):
        self.home, self.services, self.programs = home, services, programs
        self.running = {}

    def command(self, name):
        if name.startswith("ours"):
            return [self.programs.resolver, *ours(name, self.home, services_of(name, self.services))]
        if name in LIMITS:
            return [self.programs.limit, str(PORTS[name]), name]
        if name in CHANGES:
            return [self.programs.changing, f"127.0.0.1:{PORTS[name]}", *map(str, FLEET), CHANGES[name]]
        if name == "upstream":
            return nsd(name, UPSTREAM, self.home)
        return PEERS[name](name, PORTS[name], self.home)

    def start(self, name, cores):
        pinned = ["taskset", "-c", cores, *self.command(name)]
        with open(self.log(name), "a") as log:
            self.running[name] = subprocess.Popen(pinned, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def log(self, name):
        return f"{self.home}/{name}.log"

    def answers(self, name, line, patience=300.0):
        """Waits until the server answers."""
        port, end = UPSTREAM if name == "upstream" else PORTS[name], time.monotonic() + patience
        while time.monotonic() < end:
            if self.running[name].poll() is not None:
                raise SystemExit(f"{name} has ended: {self.log(name)}")
            answer = world.ask(port, line, 0.2)
            # Ours says SERVFAIL before it has read its inventory.
            if answer and not answer.startswith("2/"):
                return
            time.sleep(0.1)
        raise SystemExit(f"{name} does not answer: {self.log(name)}")

    def zone(self):
        """Keeps our zone in a file for the others, once."""
        if not os.path.exists(f"{self.home}/ecs.internal"):
            page = f"http://127.0.0.1:{PORTS['ours'] + HTTP}/zone"
            with urllib.request.urlopen(page) as text:
                records = text.read().decode().splitlines()
            # Our reverse names would be zones of their own.
            ours = [record for record in records if record.split(" ")[0].endswith("ecs.internal.")]
            write(f"{self.home}/ecs.internal", "\n".join(ours) + "\n")

    def only(self, name):
        """Lets the others do nothing until they are let alone."""
        for other, process in self.running.items():
            process.send_signal(signal.SIGCONT if other == name else signal.SIGSTOP)
        time.sleep(0.1)

    def all(self):
        for process in self.running.values():
            process.send_signal(signal.SIGCONT)

    def stop(self):
        self.all()
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running.clear()
