#!/usr/bin/env python3
"""load.py write|read: the lines of a measurement, and a client of the stream; each a process of its own.

    load.py write --first N --count N [--rate N] [--to PATH]    to a Unix socket, or to standard output
    load.py read  --first N --count N --from PATH --how HOW     a client of the stream that listens at this Unix socket

A line is its number, the moment at which it was written (nanoseconds of the monotonic clock) and padding: 100 bytes with its end.
`read` prints `ready` when the server has accepted it, and one JSON object when it has all lines. HOW it reads, so that it costs little
beside what is measured:

    each     every line, which must come once: latency and silence
    bulk     it counts lines, and looks at the last one
    newest   it looks for the last one only
"""

import argparse
import json
import os
import socket
import sys
import time

LENGTH = 100
CHUNK = 1 << 16
# A reader that gets nothing for so long gives up.
SILENCE = 40
NOW = time.monotonic_ns


def line(number, moment):
    return f"{number} {moment} ".encode().ljust(LENGTH - 1, b"x") + b"\n"


def write(options):
    if options.to:
        to = socket.socket(socket.AF_UNIX)
        to.connect(options.to)
        send = to.sendall
    else:
        send = Pipe(sys.stdout.fileno()).sendall
    if options.rate:
        paced(send, options)
    else:
        flood(send, options)


class Pipe:
    """`sendall` for a pipe."""

    def __init__(self, descriptor):
        self.descriptor = descriptor

    def sendall(self, data):
        while data:
            data = data[os.write(self.descriptor, data):]


def paced(send, options):
    """One line at a time, each at its moment; what is late goes out at once."""
    begin = NOW()
    for index in range(options.count):
        due = begin + index * 1_000_000_000 // options.rate
        while (left := due - NOW()) > 0:
            time.sleep(left / 1e9)
        send(line(options.first + index, NOW()))


def flood(send, options):
    """As fast as the other end reads; all is made before, so that this takes no time from what is measured."""
    step = CHUNK // LENGTH
    end = options.first + options.count
    whole = [b"".join(line(number, 0) for number in range(first, min(first + step, end))) for first in range(options.first, end, step)]
    for part in whole:
        send(part)


def connect(path):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(SILENCE)
    client.connect(path)
    client.sendall(b"GET / HTTP/1.0\r\nAccept: text/plain\r\n\r\n")
    return client


def begin(client):
    """Reads the head of the response, and what came with it."""
    head = b""
    while b"\r\n\r\n" not in head:
        more = client.recv(CHUNK)
        if not more:
            raise SystemExit(f"no response: {head!r}")
        head += more
    head, rest = head.split(b"\r\n\r\n", 1)
    if b" 200 " not in head.split(b"\r\n", 1)[0]:
        raise SystemExit(head.decode())
    return rest


def chunks(client, rest):
    """The moments at which bytes came, and the bytes."""
    if rest:
        yield NOW(), rest
    while True:
        try:
            data = client.recv(1 << 20)
        except TimeoutError:
            raise SystemExit(f"nothing came for {SILENCE} s") from None
        if not data:
            raise SystemExit("the stream ended")
        yield NOW(), data


def lines(client, rest):
    """Each line with the moment at which it came, but for empty ones, which are signs of life."""
    begun = b""
    for moment, data in chunks(client, rest):
        *whole, begun = (begun + data).split(b"\n")
        for text in whole:
            if text:
                yield moment, text


def read_each(client, rest, options):
    """Latency and silence of lines that come one by one; each must come once and in order."""
    wanted = range(options.first, options.first + options.count)
    due, previous, longest, waits = options.first, None, 0, []
    for moment, text in lines(client, rest):
        number, written, _ = text.split(b" ", 2)
        number = int(number)
        if number not in wanted:
            continue
        if number != due:
            raise SystemExit(f"line {number} came where {due} was due")
        due += 1
        waits.append(moment - int(written))
        longest = max(longest, moment - (previous or moment))
        previous = moment
        if len(waits) == options.count:
            break
    waits.sort()
    p50, p99 = (waits[int(len(waits) * share)] / 1e9 for share in (0.5, 0.99))
    return {"p50": p50, "p99": p99, "silence": longest / 1e9}


def last_number(tail):
    """The number of the last whole line."""
    return int(tail[:tail.rindex(b"\n")].rsplit(b"\n", 1)[-1].split(b" ")[0])


def read_bulk(client, rest, options):
    """How long it took from the first line to the last; there must be as many as were written."""
    count, start, tail = 0, None, b""
    for moment, data in chunks(client, rest):
        start = start or moment
        count += data.count(b"\n")
        tail = (tail + data)[-2 * LENGTH:]
        if count >= options.count:
            break
    last = last_number(tail)
    if (count, last) != (options.count, options.first + options.count - 1):
        raise SystemExit(f"{count} lines came, the last one was {last}")
    return {"seconds": (moment - start) / 1e9}


def read_newest(client, rest, options):
    """When the last line came."""
    tail = b""
    for moment, data in chunks(client, rest):
        tail = (tail + data)[-2 * LENGTH:]
        if b"\n" in tail and last_number(tail) == options.first + options.count - 1:
            return {"end": moment}
    return None


def read(options):
    client = connect(getattr(options, "from"))
    if options.how == "newest":
        # A machine that is still empty answers when it has been filled.
        print("ready", flush=True)
        rest = begin(client)
    else:
        rest = begin(client)
        print("ready", flush=True)
    body = {"each": read_each, "bulk": read_bulk, "newest": read_newest}[options.how]
    print(json.dumps(body(client, rest, options)), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["write", "read"])
    for name in ("--first", "--count", "--rate"):
        parser.add_argument(name, type=int, default=0)
    parser.add_argument("--to")
    parser.add_argument("--from")
    parser.add_argument("--how", choices=["each", "bulk", "newest"])
    options = parser.parse_args()
    {"write": write, "read": read}[options.what](options)


if __name__ == "__main__":
    main()
