"""Sends what no well-behaved client sends, and some of what all of them do, to a demo daemon (`--no-churn`).

    tests/.venv/bin/python tests/packets.py 127.0.0.1 1053 9153

Address, port of DNS, port of HTTP. One line for each check that fails; exit status 1 if there is any.
"""

import random
import socket
import struct
import sys
import traceback
import urllib.request

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.zone

HOST, PORT, HTTP = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
NAME = "web.ecs.internal."
TIMEOUT = 60
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def plain(name=NAME, kind="A", **more):
    return dns.message.make_query(name, kind, **more)


def udp_socket():
    connection = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    connection.connect((HOST, PORT))
    connection.settimeout(TIMEOUT)
    return connection


def ask(wire, wanted=True):
    """The reply to these bytes over UDP, as bytes; None if none is `wanted` and none comes.

    A good query follows on the same socket. Replies of the same worker come in order, so once that is answered there
    is little left to wait for.
    """
    probe = plain("dns-version.ecs.internal.", "TXT")
    while probe.id == struct.unpack("!H", wire[:2].ljust(2, b"\0"))[0]:
        probe.id = random.randrange(65536)
    with udp_socket() as connection:
        connection.send(wire)
        connection.send(probe.to_wire())
        replies = {}
        while probe.id not in replies:
            reply = connection.recv(65535)
            replies[struct.unpack("!H", reply[:2])[0]] = reply
        # What is no plain question is answered by a task of its own, so it may come later than the probe.
        connection.settimeout(TIMEOUT if wanted else 0.2)
        try:
            while len(replies) < 2:
                reply = connection.recv(65535)
                replies[struct.unpack("!H", reply[:2])[0]] = reply
        except TimeoutError:
            pass
        del replies[probe.id]
        return next(iter(replies.values()), None)


def wait_for_room():
    """After a flood the queue of the daemon's socket may be full, and a query sent now would be lost."""
    with udp_socket() as connection:
        connection.settimeout(1)
        for _ in range(TIMEOUT):
            connection.send(plain().to_wire())
            try:
                connection.recv(65535)
                return
            except TimeoutError:
                pass


def rcode_of(wire):
    """The response code in the header of the reply, after a look at what every reply must be."""
    reply = ask(wire)
    assert reply is not None, "no reply"
    assert reply[:2] == wire[:2], "another id"
    assert reply[2] & 0x80, "QR is not set"
    assert reply[2] & 0x78 == wire[2] & 0x78, "another opcode"
    return dns.rcode.to_text(reply[3] & 0x0F)


def header(counts, flags=0x0100, body=b""):
    return struct.pack("!HHHHHH", random.randrange(65536), flags, *counts) + body


QUESTION = b"\x03web\x03ecs\x08internal\x00\x00\x01\x00\x01"
OPT = b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"


@check
def scraps_get_no_reply():
    for length in range(12):
        assert ask(bytes(random.randrange(256) for _ in range(length)), wanted=False) is None, length


@check
def responses_get_no_reply():
    assert ask(header((1, 0, 0, 0), 0x8100, QUESTION), wanted=False) is None
    assert ask(header((0, 0, 0, 0), 0x8180), wanted=False) is None


@check
def garbage_does_no_harm():
    generator = random.Random(1)
    with udp_socket() as connection:
        for _ in range(2000):
            length = generator.choice([12, 13, 17, 40, 100, 512, 1400])
            connection.send(bytes(generator.randrange(256) for _ in range(length)))
            mangled = bytearray(header((1, 0, 0, 1), 0x0100, QUESTION + OPT))
            mangled[generator.randrange(len(mangled))] = generator.randrange(256)
            connection.send(mangled)
    wait_for_room()
    assert rcode_of(plain().to_wire()) == "NOERROR"


@check
def counts_that_cannot_be_are_format_errors():
    for counts, body in [
        ((0, 0, 0, 0), b""),
        ((0, 0, 0, 0), QUESTION),
        ((2, 0, 0, 0), QUESTION + QUESTION),
        ((1, 0, 0, 0), b""),
        ((65535, 65535, 65535, 65535), QUESTION),
        ((1, 0, 0, 2), QUESTION + OPT),
        ((1, 0, 0, 1), QUESTION),
        ((1, 0, 0, 2), QUESTION + OPT + OPT),
    ]:
        assert rcode_of(header(counts, body=body)) == "FORMERR", (counts, body)


@check
def names_that_cannot_be_are_format_errors():
    for name in [
        b"\xc0\x0c",
        b"\x03web\xc0\x0c",
        b"\x40" + b"a" * 64 + b"\0",
        (b"\x3f" + b"a" * 63) * 4 + b"\0",
        b"\x03we",
    ]:
        assert rcode_of(header((1, 0, 0, 0), body=name + b"\0\1\0\1")) == "FORMERR", name


@check
def other_opcodes_are_not_implemented():
    for opcode in (dns.opcode.STATUS, dns.opcode.NOTIFY, dns.opcode.UPDATE, 1, 3, 6, 15):
        flags = 0x0100 | int(opcode) << 11
        assert rcode_of(header((1, 0, 0, 0), flags, QUESTION)) == "NOTIMP", opcode


@check
def later_versions_of_edns_are_refused():
    reply = ask(plain(use_edns=1).to_wire())
    message = dns.message.from_wire(reply)
    assert message.rcode() == dns.rcode.BADVERS, message
    assert message.edns == 0, message


@check
def other_classes_are_refused():
    for name, rdclass in ((NAME, "CH"), ("version.bind.", "CH"), (NAME, "HS")):
        assert rcode_of(plain(name, "TXT", rdclass=rdclass).to_wire()) == "REFUSED", rdclass


@check
def any_gets_one_hinfo():
    for name in (NAME, "nosuch.ecs.internal.", "example.com."):
        message = dns.message.from_wire(ask(plain(name, "ANY").to_wire()))
        kinds = [rrset.rdtype for rrset in message.answer]
        assert (message.rcode(), kinds) == (dns.rcode.NOERROR, [dns.rdatatype.HINFO]), message


@check
def transfers_are_refused():
    for kind in ("AXFR", "IXFR"):
        assert rcode_of(plain("ecs.internal.", kind).to_wire()) == "REFUSED", kind
        reply = dns.query.tcp(plain("ecs.internal.", kind), HOST, TIMEOUT, PORT)
        assert reply.rcode() == dns.rcode.REFUSED and not reply.answer, reply


@check
def bits_of_the_query_come_back():
    for name in (NAME, "nosuch.ecs.internal.", "twitchapp.ecs.internal."):
        for wanted in (False, True):
            query = plain(name, want_dnssec=wanted, use_edns=0)
            query.flags |= dns.flags.CD if wanted else 0
            message = dns.message.from_wire(ask(query.to_wire()))
            assert bool(message.ednsflags & dns.flags.DO) == wanted, message
            assert bool(message.flags & dns.flags.CD) == wanted, message
            assert message.flags & dns.flags.RD and message.flags & dns.flags.RA, message
            assert not message.flags & dns.flags.AD, message


@check
def whoever_speaks_no_edns_hears_none():
    message = dns.message.from_wire(ask(plain(use_edns=False).to_wire()))
    assert message.edns == -1 and len(message.answer) == 1, message


@check
def unknown_options_are_ignored():
    options = [dns.edns.GenericOption(65001, b"x" * 100), dns.edns.GenericOption(3, b"")]
    message = dns.message.from_wire(ask(plain(use_edns=0, options=options).to_wire()))
    assert message.rcode() == dns.rcode.NOERROR and not message.options, message


@check
def the_case_of_the_name_is_echoed():
    generator = random.Random(2)
    for name in (NAME, "nosuch.ecs.internal.", "twitchapp.ecs.internal.", "dns-version.ecs.internal."):
        for _ in range(20):
            mixed = "".join(generator.choice((str.upper, str.lower))(letter) for letter in name)
            query = plain(mixed).to_wire()
            reply = ask(query)
            length = len(name) + 1 + 4
            assert reply[12 : 12 + length] == query[12 : 12 + length], mixed


@check
def replies_keep_to_the_size_that_was_given():
    for size in (0, 511, 512, 600, 1232, 4096, 65535):
        reply = ask(plain("big.ecs.internal.", "SRV", use_edns=0, payload=size).to_wire())
        assert len(reply) <= max(512, min(size, 1232)), (size, len(reply))


@check
def connections_are_read_byte_by_byte_and_survive_an_error():
    with socket.create_connection((HOST, PORT), TIMEOUT) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        bad, good = header((2, 0, 0, 0), body=QUESTION), plain().to_wire()
        for wire in (bad, good):
            for byte in struct.pack("!H", len(wire)) + wire:
                connection.send(bytes([byte]))
        replies = {}
        stream = connection.makefile("rb")
        for _ in range(2):
            (length,) = struct.unpack("!H", stream.read(2))
            reply = stream.read(length)
            replies[reply[:2]] = reply
        assert replies[bad[:2]][3] & 0x0F == dns.rcode.FORMERR
        assert replies[good[:2]][3] & 0x0F == dns.rcode.NOERROR


@check
def connections_without_sense_are_closed():
    for scrap in (b"\0\0", b"\0\5hello", b"GET / HTTP/1.1\r\n\r\n"):
        with socket.create_connection((HOST, PORT), TIMEOUT) as connection:
            connection.sendall(scrap)
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(100) == b"", scrap
    assert rcode_of(plain().to_wire()) == "NOERROR"


@check
def the_dump_is_a_zone_and_the_zone_is_what_is_answered():
    with urllib.request.urlopen(f"http://{HOST}:{HTTP}/zone", timeout=TIMEOUT) as page:
        text = page.read().decode()
    # Checks that there is one SOA and an NS; names outside, those of the reverse zones, are left out.
    zone = dns.zone.from_text(text, "ecs.internal.", relativize=False)
    asked = 0
    with socket.create_connection((HOST, PORT), TIMEOUT) as connection:
        for name, ttl, rdataset in [(n, s.ttl, s) for n, node in zone.items() for s in node]:
            reply = dns.query.tcp(plain(name, rdataset.rdtype), HOST, TIMEOUT, sock=connection)
            (answer,) = reply.answer
            # The order of a set of records is of no meaning to dnspython's comparison.
            assert (answer.name, answer.ttl, answer.to_rdataset()) == (name, ttl, rdataset), (reply, rdataset)
            asked += 1
    assert asked > 300, asked


def main():
    failed = 0
    for function in CHECKS:
        try:
            function()
        except Exception:
            failed += 1
            print(f"{function.__name__}: {traceback.format_exc()}")
    print(f"{len(CHECKS)} checks, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
