#!/bin/sh
# Asks through the C library, as programs do: in a network of its own, where port 53 is free, with a resolv.conf of its
# own. Prints what getent and Python find.
#
#     unshare --net --mount [--map-root-user] tests/getent.sh target/debug/ecs-resolver

set -eu
resolver=$1
folder=$(mktemp -d)
pids=
trap 'kill $pids 2>/dev/null; rm -rf "$folder"' EXIT

ip link set lo up
# The C library asks for no addresses of a kind that the host does not have itself, loopback not counted.
ip address add 192.0.2.1/32 dev lo
ip address add 2001:db8::1/128 dev lo
printf 'nameserver 127.0.0.2\nnameserver 127.0.0.1\nsearch prod.task.ecs.internal\noptions timeout:20 attempts:1\n' \
    >"$folder/resolv.conf"
mount --bind "$folder/resolv.conf" /etc/resolv.conf
printf 'hosts: files dns\n' >"$folder/nsswitch.conf"
mount --bind "$folder/nsswitch.conf" /etc/nsswitch.conf

serve() {
    "$resolver" "$@" --http off >"$folder/log" 2>&1 &
    pids="$pids $!"
    for _ in $(seq 600); do
        ! grep -q 'answering DNS' "$folder/log" || return 0
        sleep 0.1
    done
    cat "$folder/log"
    exit 1
}

serve demo --no-churn --listen 127.0.0.1:53 --upstream 127.0.0.9
# It answers for itself before it has read its cluster.
until dig +short +time=5 +tries=1 @127.0.0.1 twitchapp.ecs.internal | grep -q 10.5.10.123; do sleep 0.1; done

show() { echo "$1: $(getent "$2" "$3" | awk '{print $1}' | sort -u | xargs)"; }
# Nobody is at the first nameserver: the safety net.
show silent ahostsv4 twitchapp.ecs.internal
# Now somebody is, and answers SERVFAIL.
serve run --source off --zone elsewhere.test --listen 127.0.0.2:53 --upstream 127.0.0.9
show servfail ahostsv4 twitchapp.ecs.internal
show search ahostsv4 web
show ipv6 ahostsv6 ipv6.ecs.internal
show reverse hosts 10.5.32.10
show big ahostsv4 big.ecs.internal
show nosuch ahostsv4 nosuch.ecs.internal
echo "python: $(python3 -c '
import socket
found = socket.getaddrinfo("calc.ecs.internal", 7070, socket.AF_INET, socket.SOCK_STREAM)
print(*sorted(address for *_, (address, _) in found))')"
# Others than the C library of this host: what is not installed is said so.
has() { command -v "$1" >/dev/null 2>&1; }
if has node; then
    echo "node: $(node -e '
require("dns").lookup("calc.ecs.internal", {all: true, family: 4}, (error, found) =>
    console.log(error ? error.code : found.map(one => one.address).sort().join(" ")))')"
else
    echo "node: not installed"
fi
if has busybox; then
    echo "busybox: $(busybox nslookup calc.ecs.internal 127.0.0.1 | sed -n '/^Name/,$s/^Address[ 0-9]*: *//p' | grep -v : |
        awk '{print $1}' | sort -u | xargs)"
else
    echo "busybox: not installed"
fi
if has musl-gcc; then
    musl-gcc -static -o "$folder/lookup" "$(dirname "$0")/musl_lookup.c"
    # musl asks all name servers at once: the one that knows nothing is out of the way.
    printf 'nameserver 127.0.0.1\n' >/etc/resolv.conf
    echo "musl: $("$folder/lookup" calc.ecs.internal | sort -u | xargs)"
else
    echo "musl: not installed"
fi
