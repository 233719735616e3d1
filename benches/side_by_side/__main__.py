#!/usr/bin/env python3
"""What a query costs ecs-resolver and other servers that answer the same names, in one run, round by round in turns.

    cargo build --release --bin ecs-resolver --examples
    benches/side_by_side/__main__.py [--rounds 10] [--seconds 0.5] [--services 1000] [--json FILE] [TABLE...]

Tables: saturated, kinds, cached, sizes, paced, latency, changes, tcp, tcp-once, workers, workers-each; all of them unless some are
named. The peers are nsd, knotd, unbound, pdns_recursor and dnsdist (Debian: nsd, knot, unbound, pdns-recursor, dnsdist); those that
are not installed are left out. `epoll`, `mmsg` and `naive` are what the kernel allows (examples/limit.rs); `still` and
`changing` are examples/changing.rs. The local mix is 80 % A, 10 % SRV with glue, 5 % AAAA that there are not, 5 % names that there are not.

A server has core 0 and the load core 1. CPU is the time on a core of the whole process and its children. Figures are
medians of the rounds; ratios are those of one round, their median, and the interval that holds it with 95 %. What was
measured while others had more than a tenth of the machine is measured again, at most twice.
"""

import argparse
import json
import os
import statistics
import tempfile

import figures
import servers
import world
from tables import TABLES

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--without", default="", help="servers to leave out, by commas")
    parser.add_argument("--json", help="file for every figure of every round")
    parser.add_argument("--resolver", default=f"{TOP}/target/release/ecs-resolver")
    for example in ("load", "limit", "changing"):
        parser.add_argument(f"--{example}", default=f"{TOP}/target/release/examples/{example}")
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=", ".join(TABLES))
    chosen = parser.parse_args()
    unknown = [name for name in chosen.tables if name not in TABLES]
    if unknown:
        parser.error(f"no table is called {', '.join(unknown)}")
    return chosen


class Bench:
    """Runs tables, one after another."""

    def __init__(self, options):
        self.options = options
        self.home = tempfile.mkdtemp(prefix="side-by-side-")
        self.all = servers.Servers(self.home, options.services, options)

    def questions(self, name, kind):
        """The file of questions of a kind for a server, and its lines."""
        services = servers.services_of(name, self.options.services)
        path = f"{self.home}/{kind.replace(' ', '-')}-{services}"
        if not os.path.exists(path):
            servers.write(path, "\n".join(world.questions(kind, services)) + "\n")
        with open(path) as file:
            return path, file.read().splitlines()

    def begin(self, table):
        """Starts what a table needs, and gives the names of the servers that it is of."""
        cores = "0,1" if table.shared else "0"
        left_out = self.options.without.split(",")
        names = [name for name in table.servers if servers.installed(name) and name not in left_out]
        servers.write(f"{self.home}/example.com", world.outside())
        # Our own zone is what the others, and the upstream, are to answer with; so ours comes first.
        self.all.start("ours", cores)
        self.all.answers("ours", world.one("A", 0, self.options.services))
        self.all.zone()
        self.all.start("upstream", "1")
        self.all.answers("upstream", world.one("forwarded A", 0, self.options.services))
        for name in names:
            if name != "ours":
                self.all.start(name, cores)
        for name in names:
            services = servers.services_of(name, self.options.services)
            first = "forwarded A" if "cached" in table.kinds else "A"
            self.all.answers(name, world.one(first, 0, services))
        return names

    def prepare(self, table, names):
        """Fills the caches, and tells what each server answers."""
        print("answers (response code/answer/authority/additional/octets):")
        for name in names:
            if name in servers.LIMITS:
                continue
            port, said = servers.PORTS[name], []
            for kind in table.kinds:
                _, lines = self.questions(name, kind)
                if name == "dnsdist" or kind in ("cached", "flat CNAME", "forwarded A"):
                    world.warm(port, lines)
                mixed = {"local": "", "cached": "forwarded "}.get(kind)
                parts = [kind] if mixed is None else [mixed + part for part, _ in world.MIX]
                services = servers.services_of(name, self.options.services)
                for part in parts:
                    line = lines[0] if part == "A of ten" else world.one(part, 7, services)
                    said.append(f"{part} {world.ask(port, line)}")
            print(f"  {name}: {', '.join(said)}")

    def run(self, called):
        """Measures a table; gives every figure by row, a server and a kind."""
        table = TABLES[called]
        print(f"\n## {called}: {table.says}\n", flush=True)
        try:
            names = self.begin(table)
            self.prepare(table, names)
            rows = {(name, kind): [] for name in names for kind in table.kinds}
            processes = [process.pid for process in self.all.running.values()]
            figures.settle([self.all.running[name].pid for name in names if name != "changing"])
            for number in range(self.options.rounds):
                for name, kind in list(rows)[:: 1 if number % 2 == 0 else -1]:
                    load = ["taskset", "-c", "0,1" if table.shared else "1", self.options.load]
                    load += [f"127.0.0.1:{servers.PORTS[name]}", self.questions(name, kind)[0]]
                    load += [str(self.options.seconds * table.seconds), *table.load_of(name), "--json", "--seed", str(number)]
                    if table.alone:
                        self.all.only(name)
                    rows[name, kind].append(figures.measure(self.all.running[name].pid, processes, load))
        finally:
            self.all.stop()
        self.show(table, rows)
        if "changing" in names:
            with open(self.all.log("changing")) as log:
                took = [int(line.split(" ")[3]) for line in log if " changes in " in line]
            print(f"1,000 changes took {statistics.median(took or [0])} ms; {len(took)} times")
        return rows

    def show(self, table, rows):
        titles = [title for title, _, _ in table.ratios]
        print("\n| " + " | ".join(["server", "asked", "µs CPU/query", "queries/s", "% of a core", "p50 µs", "p99 µs",
                                   "octets", *titles]) + " |")
        print("|---" * (8 + len(titles)) + "|")
        for (name, kind), found in rows.items():
            middle = lambda figure: statistics.median(one[figure] for one in found)
            cells = [name, kind, f"{middle('cpu'):.2f}", f"{middle('rate'):.0f}", f"{middle('busy'):.0f}",
                     f"{middle('p50'):.1f}", f"{middle('p99'):.1f}", f"{middle('bytes'):.0f}"]
            for title, figure, (of_server, of_kind) in table.ratios:
                other = rows.get((of_server or name, of_kind or kind))
                pair = (found, other) if not table.upside_down(title) else (other, found)
                of = lambda row: [one[figure] for one in row]
                cells.append("–" if other is None or other is found else figures.ratio(of(pair[0]), of(pair[1])))
            print("| " + " | ".join(cells) + " |")
        for (name, kind), found in rows.items():
            total = lambda figure: sum(one[figure] for one in found)
            wrong = {what: total(what) for what in ("lost", "bad", "truncated", "servfail", "refused") if total(what)}
            if wrong:
                print(f"{name}, {kind}: {wrong} of {total('answered')}")
        foreign = [one["foreign"] for found in rows.values() for one in found]
        print(f"share of the machine that others had: {statistics.median(foreign):.2f}, at most {max(foreign):.2f}",
              flush=True)


def main():
    options = arguments()
    bench, results = Bench(options), {}
    for called in options.tables or TABLES:
        rows = bench.run(called)
        results[called] = {f"{name}: {kind}": found for (name, kind), found in rows.items()}
        if options.json:
            servers.write(options.json, json.dumps(results, indent=1))
    print(f"\nlogs and files: {bench.home}")


main()
