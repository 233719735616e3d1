#!/usr/bin/env python3
"""Plays systemd for one service: holds the sockets of its socket unit, starts it, hears what it notifies, and keeps the
descriptors that it wants kept (sd_listen_fds(3), sd_pid_notify_with_fds(3)).

    play_systemd.py FOLDER SOCKET,... COMMAND [ARGUMENT]...

FOLDER is for the notification socket. A SOCKET of the unit is udp:ADDRESS:PORT or tcp:ADDRESS:PORT; `-`: there is no
socket unit. Each line of standard input is an order, each line of standard output says that it is done:

    start [ARGUMENT]...   runs COMMAND, with these arguments behind its own   ready PID, or failed STATUS
    end                   waits for its end                                   ended STATUS
    store                 tells what is kept                                  store NAME=COUNT...
    heard                 how often each line was notified                    heard LINE=COUNT...

At the end of the input the service is killed.
"""

import collections
import fcntl
import os
import signal
import socket
import sys
import threading
import time

FIRST = 3  # SD_LISTEN_FDS_START
UNIT = os.path.join(os.path.dirname(__file__), "..", "systemd", "ecs-resolver.socket")
# What systemd sets for lines of a socket unit (systemd.socket(5)), on which kind of socket: options of IPv4.
OPTIONS = {
    "ReusePort=yes": (socket.SOCK_DGRAM, socket.SOL_SOCKET, socket.SO_REUSEPORT, 1),
    "FreeBind=yes": (None, socket.SOL_IP, 15, 1),  # IP_FREEBIND
    "PassPacketInfo=yes": (socket.SOCK_DGRAM, socket.SOL_IP, 8, 1),  # IP_PKTINFO
}
PATIENCE = 180

lock = threading.Lock()
ready = threading.Event()
store = []  # (name, descriptor)
heard = collections.Counter()


def bind(text):
    """A socket as systemd makes it for ListenDatagram= and ListenStream= of our unit."""
    protocol, address, port = text.split(":")
    udp = protocol == "udp"
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
    with open(UNIT) as unit:
        said = [OPTIONS[line.strip()] for line in unit if line.strip() in OPTIONS]
    for kind, level, option, value in said:
        if kind in (None, one.type):
            one.setsockopt(level, option, value)
    if udp:
        try:
            one.setsockopt(socket.SOL_SOCKET, 33, 4 << 20)  # SO_RCVBUFFORCE, for root
        except PermissionError:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    one.bind((address, int(port)))
    if not udp:
        one.listen(1024)
    return ("service.socket", one.detach())


def same(one, other):
    return os.fstat(one).st_ino == os.fstat(other).st_ino


def hear(notify):
    while True:
        message, descriptors, _, _ = socket.recv_fds(notify, 65536, 253)
        lines = message.decode().splitlines()
        fields = dict(line.split("=", 1) for line in lines)
        name = fields.get("FDNAME", "stored")
        with lock:
            heard.update(lines)
            if "FDSTORE" in fields:
                fresh = [fd for fd in descriptors if not any(same(fd, kept) for _, kept in store)]
                store.extend((name, fd) for fd in fresh)
                descriptors = [fd for fd in descriptors if fd not in fresh]
            if "FDSTOREREMOVE" in fields:
                descriptors += [fd for kept, fd in store if kept == name]
                store[:] = [(kept, fd) for kept, fd in store if kept != name]
        # BARRIER=1 is answered by that.
        for fd in descriptors:
            os.close(fd)
        if "READY" in fields:
            ready.set()


def run(command, passed, path):
    """Becomes the service."""
    environment = dict(os.environ, NOTIFY_SOCKET=path)
    if passed:
        environment["LISTEN_PID"] = str(os.getpid())
        environment["LISTEN_FDS"] = str(len(passed))
        environment["LISTEN_FDNAMES"] = ":".join(name for name, _ in passed)
    # Out of the way first: a descriptor may have the number that another is to get.
    away = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, FIRST + len(passed) + 100) for _, fd in passed]
    for number, fd in enumerate(away, FIRST):
        os.dup2(fd, number)
    os.closerange(FIRST + len(passed), FIRST + len(passed) + 100)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.execve(command[0], command, environment)


def start(command, passed, path):
    ready.clear()
    pid = os.fork()
    if pid == 0:
        try:
            run(command, passed, path)
        finally:
            os._exit(127)
    deadline = time.monotonic() + PATIENCE
    while not ready.wait(0.002):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended or time.monotonic() > deadline:
            return None, f"failed {status}"
    return pid, f"ready {pid}"


def main():
    folder, sockets, *command = sys.argv[1:]
    unit = [bind(text) for text in sockets.split(",") if text != "-"]
    path = os.path.join(folder, "notify")
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(path)
    threading.Thread(target=hear, args=(notify,), daemon=True).start()
    pid = None
    for line in sys.stdin:
        order, *arguments = line.split()
        if order == "start":
            with lock:
                passed = unit + store
            pid, said = start(command + arguments, passed, path)
        elif order == "end":
            said = f"ended {os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}"
            pid = None
        else:
            with lock:
                counts = collections.Counter(name for name, _ in store) if order == "store" else heard
                said = " ".join([order] + [f"{name}={count}" for name, count in sorted(counts.items())])
        print(said, flush=True)
    if pid:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


main()
