"""publish.py ADDRESS dates|lines nchan|pushpin: posts a date each second, or the lines of standard input, to a server that publishes what it gets."""

import json
import os
import socket
import sys
import time

address, job, server = sys.argv[1:]
host, port = address.split(":")


class Connection:
    """One to the server, for as many posts as it takes."""

    def __init__(self):
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answers = self.socket.makefile("rb")

    def post(self, path, kind, text):
        self.socket.sendall(b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (path, kind, len(text), text))
        status, length = self.answers.readline(), 0
        assert status.split()[1] in (b"200", b"201", b"202"), status
        while (line := self.answers.readline().strip().lower()):
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        self.answers.read(length)

    def close(self):
        self.answers.close()
        self.socket.close()


def to_nchan():
    """A post for each message, all over one connection."""
    connection = Connection()

    def publish(messages):
        for message in messages:
            connection.post(b"/publish", b"text/plain", message)
    return publish


def to_pushpin():
    """A post for all messages that there are; it closes the connection behind each."""
    def publish(messages):
        items = [{"channel": "test", "formats": {"ws-message": {"content": message.decode()}}} for message in messages]
        connection = Connection()
        connection.post(b"/publish/", b"application/json", json.dumps({"items": items}).encode())
        connection.close()
    return publish


def dates():
    for number in range(1, 1 << 30):
        yield [f"{number} {time.strftime('%a %b %d %Y %H:%M:%S', time.gmtime())} GMT+0000 (Coordinated Universal Time)".encode()]
        time.sleep(1)


def lines():
    """What each read of standard input brings."""
    rest = b""
    while (more := os.read(0, 1 << 16)):
        *whole, rest = (rest + more).split(b"\n")
        if whole:
            yield whole


publish = {"nchan": to_nchan, "pushpin": to_pushpin}[server]()
for messages in {"dates": dates, "lines": lines}[job]():
    publish(messages)
