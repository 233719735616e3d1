"""One measurement, and what many of them say."""

import json
import math
import os
import resource
import statistics
import subprocess
import time

DISTURBED = 0.10  # share of the machine that others had, above which a measurement is taken again
TICKS = os.sysconf("SC_CLK_TCK")


def tree(pid):
    """The process and all below it."""
    pids = [pid]
    for one in pids:
        try:
            for thread in os.listdir(f"/proc/{one}/task"):
                with open(f"/proc/{one}/task/{thread}/children") as file:
                    pids += [int(child) for child in file.read().split()]
        except OSError:
            pass  # It has ended meanwhile.
    return pids


def cpu(pid):
    """Nanoseconds on a core of a process and those below it: all their threads, those that have ended too."""
    total = 0
    for one in tree(pid):
        try:
            # The clock of another process, as clock_getcpuclockid(3) names it.
            total += time.clock_gettime_ns(~one << 3 | 2)
        except OSError:
            pass
    return total


def settle(pids, patience=60.0):
    """Waits until none of them does anything by itself, such as to read its zone."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        before = sum(map(cpu, pids))
        time.sleep(0.5)
        if sum(map(cpu, pids)) - before < 5e6:
            return


def busy():
    """Seconds that the cores of the machine were not idle."""
    with open("/proc/stat") as file:
        user, nice, system, idle, wait, *rest = map(int, file.readline().split()[1:9])
    return (user + nice + system + sum(rest)) / TICKS


def own(pids):
    """Seconds that we, our children that have ended, and `pids` were on a core."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used) + sum(map(cpu, pids)) / 1e9


def measure(pid, others, command):
    """Runs the load and gives what it says, with µs of CPU per query of the server `pid`; the quietest of up to three
    times if others disturb."""
    best = None
    for _ in range(3):
        begun, before, used, spent = time.monotonic(), busy(), own(others), cpu(pid)
        run = subprocess.run(command, check=True, capture_output=True, text=True)
        spent, lasted = cpu(pid) - spent, time.monotonic() - begun
        foreign = max(0.0, busy() - before - own(others) + used) / lasted / os.cpu_count()
        found = json.loads(run.stdout)
        cpu_each = spent / 1e3 / max(found["answered"], 1)
        found.update(cpu=cpu_each, busy=cpu_each * found["rate"] / 1e4, foreign=foreign)
        if best is None or foreign < best["foreign"]:
            best = found
        if best["foreign"] <= DISTURBED:
            break
    return best


def interval(values):
    """Bounds of the median with 95 %, by the ranks of the binomial distribution; of fewer than six, all of them."""
    values, count = sorted(values), len(values)
    below, rank = 0.0, 0
    while rank < count:
        below += math.comb(count, rank) / 2**count
        if below > 0.025:
            break
        rank += 1
    rank = max(rank - 1, 0)
    return values[rank], values[count - 1 - rank]


def ratio(numerators, denominators):
    """The median of the ratios of each round, with its interval."""
    ratios = [a / b for a, b in zip(numerators, denominators) if b]
    if not ratios:
        return "–"
    low, high = interval(ratios)
    return f"{statistics.median(ratios):.2f} ({low:.2f}–{high:.2f})"
