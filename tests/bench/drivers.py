"""What keeps a daemon busy while its instructions and system calls are counted: so many units of work, one after the other."""

import os
import re
import select
import signal
import socket
import subprocess
import time

import usage

# RFC 6455 section 1.3 has the key and its answer.
HANDSHAKE = (b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
# A masked frame.
CLOSE = b"\x88\x80\0\0\0\0"
MASK = b"\x3d\x0f\xa9\x52"
POLICY_REQUEST = b"<policy-file-request/>\0"
BODY = b"x" * 1024
# So many files are asked for once.
FILES = 550
# Seconds after which the server takes a file for one that does not change: until then it looks at it more often.
SETTLED = 4
# Seconds between two connections, so that the server has done with one before the next one comes, under a tracer, too: else it is chance
# how many it finds at once.
PAUSE = 0.004
# Seconds for anything that a daemon does under a tracer.
PATIENCE = 60


def terminate(process):
    """Asks for the end that a service manager asks for: callgrind and strace write their reports then. strace passes no signal on."""
    os.kill(usage.family(process.popen.pid)[-1], signal.SIGTERM)


def write_files(folder):
    (folder / "site").mkdir()
    (folder / "site/file.txt").write_bytes(BODY)
    (folder / "site/many").mkdir()
    for number in range(FILES):
        (folder / f"site/many/{number}.txt").write_bytes(BODY)


def connect(port, number=0):
    """A connection; 200 in a row come from one address, below the limits for one."""
    source = (f"127.0.5.{number // 200 + 1}", 0)
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE, source_address=source)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def opened(port, number=0, pause=0):
    """A WebSocket behind its opening handshake, which begins so many seconds after the connection."""
    connection = connect(port, number)
    time.sleep(pause)
    connection.sendall(HANDSHAKE)
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(1)
    assert head.startswith(b"HTTP/1.1 101") and ACCEPT in head, head
    return connection


def answer(connection):
    """A whole answer with its length."""
    whole = b""
    while not (found := re.search(rb"\r\n\r\n", whole)) or len(whole) < found.end() + len(BODY):
        more = connection.recv(65536)
        assert more, whole
        whole += more
    assert whole.startswith(b"HTTP/1.1 200") and whole.endswith(BODY), whole[:200]


class Driver:
    """A daemon with its options, and a function that gives it `units` of work, ends it and says how many it did. A bound that is lowered
    leaves `room` above the figure, in per cent: for another compiler and libc, and for what depends on who is quicker. `deferred`: it inherits
    a listener with TCP_DEFER_ACCEPT, as from our socket units, and so each connection comes with its request."""

    def __init__(self, name, unit, program, options, drive, units, room=3, standard_input=subprocess.DEVNULL, deferred=False):
        self.name, self.unit, self.program, self.units, self.room, self.standard_input = name, unit, program, units, room, standard_input
        self.drive, self.given, self.deferred = drive, options, deferred

    def options(self, folder):
        return [str(option).format(folder=folder) for option in self.given]


def lives(live):
    """So many connections, one after the other."""
    def drive(port, units, _, end):
        for _ in range(units):
            live(port)
            time.sleep(PAUSE)
        end()
        return units
    return drive


def policy_life(port, pause=0):
    """A policy answer, of which the request comes so many seconds behind its connection."""
    with connect(port) as connection:
        time.sleep(pause)
        connection.sendall(POLICY_REQUEST)
        whole = b"".join(iter(lambda: connection.recv(65536), b""))
        assert b"</cross-domain-policy>" in whole, whole


def get_life(port):
    with connect(port) as connection:
        connection.sendall(b"GET /file.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        whole = b"".join(iter(lambda: connection.recv(65536), b""))
        assert whole.endswith(BODY), whole[:200]


def handshake_life(port):
    # As in an audience: whether the request is there with the connection would be chance.
    with opened(port, pause=PAUSE) as connection:
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b"", "more than the opening"


def gets(target, settled=0):
    """`units` requests on one connection, each for the target of its number, so many seconds behind the start."""
    def drive(port, units, _, end):
        time.sleep(settled)
        with connect(port) as connection:
            for number in range(units):
                connection.sendall(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % target(number))
                answer(connection)
        end()
        return units
    return drive


def echoes(length):
    """`units` masked texts of so many bytes, and each one back."""
    text = b"echo" * (length // 4)
    size = bytes([0x80 | length]) if length < 126 else b"\xfe" + length.to_bytes(2, "big")
    there = b"\x81" + size + MASK + bytes(byte ^ MASK[number % 4] for number, byte in enumerate(text))
    back = b"\x81" + bytes([size[0] & 0x7F]) + size[1:] + text

    def drive(port, units, _, end):
        with opened(port) as connection:
            for _ in range(units):
                connection.sendall(there)
                whole = b""
                while len(whole) < len(back):
                    whole += connection.recv(65536)
                assert whole == back, whole[:20]
            end()
            assert connection.recv(1) == b"\x88"
            connection.sendall(CLOSE)
            connection.recv(65536)
        return units
    return drive


class Audience:
    """WebSockets that count the messages that they get."""

    def __init__(self, port, count):
        self.poll = select.poll()
        self.count, self.rest, self.by_descriptor, self.messages, self.first_messages, self.first = count, {}, {}, 0, 0, None
        for number in range(count):
            # The request comes behind the turn that accepts the connection, not by chance within it.
            connection = opened(port, number, PAUSE)
            self.poll.register(connection, select.POLLIN)
            self.by_descriptor[connection.fileno()] = connection
            self.first = self.first or connection.fileno()
            time.sleep(PAUSE)

    def read_until(self, messages):
        """Reads until all together have got so many."""
        self.read_while(lambda: self.messages < messages)

    def read_until_first_has(self, messages):
        """Reads until the first one has got so many."""
        self.read_while(lambda: self.first_messages < messages)

    def read_while(self, lacks):
        deadline = time.monotonic() + PATIENCE
        while lacks():
            assert time.monotonic() < deadline, f"{self.messages} messages, {self.first_messages} to the first one"
            assert len(self.by_descriptor) == self.count, "a client was closed"
            for descriptor, _ in self.poll.poll(1000):
                self.take(descriptor, self.by_descriptor[descriptor].recv(65536))

    def read_what_is_there(self):
        """Reads what each one has got by now."""
        for descriptor, _ in self.poll.poll(0):
            self.take(descriptor, self.by_descriptor[descriptor].recv(65536))

    def take(self, descriptor, more):
        if not more:
            self.poll.unregister(descriptor)
            self.by_descriptor.pop(descriptor).close()
            return
        data, at = self.rest.get(descriptor, b"") + more, 0
        while len(data) >= at + 2 and len(data) >= at + 2 + data[at + 1]:
            assert data[at] in (0x81, 0x88, 0x89) and data[at + 1] < 126, data[at:at + 2]
            if data[at] == 0x88:
                self.by_descriptor[descriptor].sendall(CLOSE)
            self.messages += data[at] == 0x81
            self.first_messages += data[at] == 0x81 and descriptor == self.first
            at += 2 + data[at + 1]
        self.rest[descriptor] = data[at:]

    def read_to_the_end(self):
        """Until the server has closed them all."""
        deadline = time.monotonic() + PATIENCE
        while self.by_descriptor:
            assert time.monotonic() < deadline, f"{len(self.by_descriptor)} are still open"
            for descriptor, _ in self.poll.poll(1000):
                self.take(descriptor, self.by_descriptor[descriptor].recv(65536))


def dates(count, opening):
    """`units` dates to each of so many clients, behind `opening` dates to the first one, in whose time the others come. However long they
    take for it, each run has as many slices as the other one, but for those of its units."""
    def drive(port, units, _, end):
        audience = Audience(port, count)
        audience.read_what_is_there()
        assert audience.first_messages <= opening, f"{audience.first_messages} dates went by until all were there"
        audience.read_until_first_has(opening + units)
        end()
        audience.read_to_the_end()
        return audience.messages
    return drive


def lines(count):
    """`units` lines to each of so many clients; the next one is written when all have the one before."""
    def drive(port, units, standard_input, end):
        audience = Audience(port, count)
        for number in range(1, units + 1):
            standard_input.write(b"%08d %s\n" % (number, b"." * 90))
            standard_input.flush()
            audience.read_until(number * count)
        end()
        audience.read_to_the_end()
        return audience.messages
    return drive


ALL = [
    Driver("date", "for a date to one of 200 clients, all at once", "ws-server", ["--interval", "50ms", "--align", "--leave-notices", "off"], dates(200, 100), (10, 160)),
    # An interval below 30 ms has two slots, and its clients share none with those of another one: two slices in each interval, whenever they
    # have come. With longer ones their number is chance, and with it how many dates share a turn of the event loop. At 1,000 to 10,000
    # clients and an interval of a second a slice has 500 dates, in turns of 256 at most.
    Driver("date-spread", "for a date to one of 400 clients, in slices of about 200", "ws-server", ["--interval", "29ms", "--leave-notices", "off"], dates(400, 400), (10, 210)),
    Driver("date-alone", "for a date to the only client", "ws-server", ["--interval", "100ms", "--leave-notices", "off"], dates(1, 1), (2, 102), room=8),
    Driver("line", "for a line to one of 100 clients", "ws-server", ["--source", "-", "--greet", "0", "--coalesce", "0"], lines(100), (10, 90), standard_input=subprocess.PIPE),
    Driver("get", "for a GET of 1 KiB, keep-alive", "static-server", ["--root", "{folder}/site", "--keep-alive-requests", "0"], gets(lambda _: b"/file.txt"), (200, 2200)),
    Driver("get-first", "for the first GET of a file of 1 KiB, keep-alive", "static-server", ["--root", "{folder}/site", "--keep-alive-requests", "0"],
           gets(b"/many/%d.txt".__mod__, SETTLED), (50, FILES)),
    Driver("get-close", "for a GET of 1 KiB with its connection", "static-server", ["--root", "{folder}/site"], lives(get_life), (50, 350), deferred=True),
    Driver("policy", "for a policy answer with its connection", "policy-server", [], lives(policy_life), (50, 350), deferred=True),
    Driver("policy-late", "for a policy answer with its connection, which waits for the request", "policy-server", [], lives(lambda port: policy_life(port, PAUSE)), (50, 350)),
    *(Driver(f"echo-{length}", f"for an echo of {name}", "ws-server", ["--interval", "0", "--on-message", "echo", "--message-rate", "0"], echoes(length), (50, 550))
      for length, name in ((16, "16 B"), (1024, "1 KiB"), (16 * 1024, "16 KiB"))),
    Driver("handshake", "for a WebSocket's opening and its end", "ws-server", ["--interval", "0", "--leave-notices", "off"], lives(handshake_life), (50, 350)),
]
