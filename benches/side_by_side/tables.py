"""What is measured: each table has its servers, its questions, its load, and the ratios that matter."""

from dataclasses import dataclass, field

KINDS = ["A", "NODATA", "SRV", "NXDOMAIN", "PTR", "flat CNAME", "forwarded A"]


@dataclass
class Table:
    """`ratios` are columns: their title, the figure, and of which row it is put in proportion to a row's own.

    A row is a server and a kind of questions; None stands for that of the row itself. `load` is the same for all servers,
    or one for each.
    """

    says: str
    servers: list
    load: list | dict
    kinds: list = field(default_factory=lambda: ["local"])
    ratios: list = field(default_factory=list)
    seconds: float = 1.0  # times --seconds
    shared: bool = False  # servers and load share both cores
    alone: bool = False  # those that are not asked are stopped

    def load_of(self, server):
        """The load that a server has."""
        return self.load[server] if isinstance(self.load, dict) else self.load

    def upside_down(self, title):
        """Whether a column has ours over the row, not the row over another."""
        return title.startswith("ours")


LIMIT = ("× epoll", "cpu", ("epoll", None))
OURS = ("ours / it", "cpu", ("ours", None))

TABLES = {
    "saturated": Table(
        "32 queries under way at all times",
        ["ours", "epoll", "mmsg", "naive", "knotd", "nsd", "unbound"],
        ["32"], ratios=[LIMIT, ("× mmsg", "cpu", ("mmsg", None)), OURS]),
    "kinds": Table(
        "the same for each kind of answer",
        ["ours", "epoll"],
        ["32"], kinds=KINDS, ratios=[("× A", "cpu", (None, "A")), LIMIT]),
    "cached": Table(
        "the same of names of an upstream, all in the cache",
        ["ours", "epoll", "mmsg", "unbound", "pdns_recursor", "dnsdist"],
        ["32"], kinds=["cached"], ratios=[LIMIT, ("× mmsg", "cpu", ("mmsg", None)), OURS]),
    "sizes": Table(
        "the same with 10, 1,000 (`ours`) and 100,000 services; of all names, and of the same ten",
        ["ours-10", "ours", "ours-100000"],
        ["32"], kinds=["A", "local", "A of ten"], ratios=[("× 1,000", "cpu", ("ours", None))]),
    "paced": Table(
        "20,000 queries a second, evenly spaced",
        ["ours", "naive", "epoll", "nsd", "unbound", "knotd"],
        ["4000", "--rate", "20000"], ratios=[("× naive", "cpu", ("naive", None)), OURS], seconds=2.0),
    "latency": Table(
        "5,000 queries a second, evenly spaced",
        ["ours", "naive", "epoll", "nsd", "unbound", "knotd"],
        ["4000", "--rate", "5000"],
        ratios=[("p50 × naive", "p50", ("naive", None)), ("ours / it, p50", "p50", ("ours", None))], seconds=2.0),
    "changes": Table(
        "5,000 queries a second for 25,000 services of 4 tasks, of which 1,000 change a second, or none",
        ["still", "changing"],
        ["4000", "--rate", "5000"], kinds=["A"],
        ratios=[("p50 × still", "p50", ("still", None)), ("p99 × still", "p99", ("still", None))],
        seconds=4.0, alone=True),
    "tcp": Table(
        "10 connections with 10 queries under way on each",
        ["ours", "dnsdist", "unbound", "knotd", "nsd"],
        ["100", "--tcp", "10"], ratios=[OURS, ("ours / it, queries/s", "rate", ("ours", None))]),
    # Not knotd, whose queue of new connections is too short for it: it takes its clients a second to try again.
    "tcp-once": Table(
        "a TCP connection for each query, 32 at a time",
        ["ours", "dnsdist", "unbound", "nsd"],
        ["32", "--once"], ratios=[OURS, ("ours / it, queries/s", "rate", ("ours", None))]),
    "workers": Table(
        "40,000 queries a second from 16 sockets, servers and load together on two cores",
        ["ours", "ours-2-workers"],
        ["4000", "--rate", "40000", "--sockets", "16", "--rest"],
        ratios=[("× one worker", "cpu", ("ours", None))], seconds=2.0, shared=True),
    "workers-each": Table(
        "the same, with 20,000 queries a second for each worker",
        ["ours", "ours-2-workers"],
        {"ours": ["4000", "--rate", "20000", "--sockets", "16", "--rest"],
         "ours-2-workers": ["4000", "--rate", "40000", "--sockets", "16", "--rest"]},
        ratios=[("× one worker", "cpu", ("ours", None))], seconds=2.0, shared=True),
}
