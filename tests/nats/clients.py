"""Clients of each kind that follow one stream over several machines by their id, and write down what they get.

A log has a line for each event: `EPOCH_NUMBER<TAB>TEXT`, `!gap<TAB>OBJECT`, and `!at<TAB>MACHINE…` where it went on to another machine.
"""

import base64
import http.client
import json
import random
import socket
import threading
import time

from checker import Gap, Message, named
from framings import Events, Frames, Objects, parse_id

# Each connection gets a sign of life every second: one that is silent for so long is broken.
SILENCE = 6
READ = 1 << 16


class Gone(Exception):
    """The connection has ended, and why."""


class Connection:
    """A request over HTTP whose answer never ends."""

    def __init__(self, address, since):
        self.http = http.client.HTTPConnection(*address, timeout=SILENCE)
        self.decoder = self.decoder()
        self.request(since)

    def request(self, since):
        self.http.request("GET", self.target(since), headers=self.fields(since))
        self.answer = self.http.getresponse()
        if self.answer.status != 200:
            raise Gone(f"status {self.answer.status}")

    def target(self, since):
        return "/?heartbeat=1" + (f"&since={named(since)}" if since else "")

    def fields(self, since):
        return {"Accept": self.accept}

    def read(self):
        """What came next."""
        data = self.answer.read1(READ)
        if not data:
            raise Gone("the end")
        return self.decoder.feed(data)

    def close(self):
        self.http.close()


class EventStream(Connection):
    """An event stream, which resumes as a browser does."""
    decoder, accept = Events, "text/event-stream"

    def target(self, since):
        return "/?heartbeat=1"

    def fields(self, since):
        return super().fields(since) | ({"Last-Event-ID": named(since)} if since else {})


class ObjectStream(Connection):
    """Lines of JSON that never end."""
    decoder, accept = Objects, "application/x-ndjson"


class LongPoll(Connection):
    """One poll behind the other; each goes on from what the one before it said."""
    decoder, accept = Objects, "application/x-ndjson"

    def target(self, since):
        return "/?poll=2" + (f"&since={named(since)}" if since else "")

    def read(self):
        body = self.answer.read()
        last = self.answer.getheader("Datecast-Last-Id")
        events = self.decoder.feed(body)
        self.request(parse_id(last) if last else None)
        return events


class WebSocket:
    """RFC 6455, with ids."""

    def __init__(self, address, since):
        self.socket = socket.create_connection(address, timeout=SILENCE)
        self.decoder = Frames()
        target = "/?ids=1&heartbeat=1" + (f"&since={named(since)}" if since else "")
        key = base64.b64encode(random.randbytes(16)).decode()
        self.socket.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.receive()
        head, _, self.rest = head.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101 "):
            raise Gone(head.split(b"\r\n")[0].decode())

    def receive(self):
        data = self.socket.recv(READ)
        if not data:
            raise Gone("the end")
        return data

    def read(self):
        data, self.rest = self.rest or self.receive(), b""
        events = self.decoder.feed(data)
        while self.decoder.pings:
            payload = self.decoder.pings.pop(0)
            # §5.3: masked, by a key of zeros.
            self.socket.sendall(bytes([0x8A, 0x80 | len(payload), 0, 0, 0, 0]) + payload)
        if self.decoder.closed and not events:
            raise Gone("a Close")
        return events

    def close(self):
        self.socket.close()


class Client(threading.Thread):
    """One client. It moves when its connection ends or is silent, and now and then of itself."""

    def __init__(self, name, kind, machines, since, log, seed, lags=False, stays=(2, 20)):
        """`lags`: now and then it does not read for seconds. `stays`: on one machine, so many seconds, from and to."""
        super().__init__(name=name, daemon=True)
        self.kind, self.machines, self.since, self.log = kind, machines, since, log
        self.chance, self.stays, self.lags = random.Random(seed), stays, lags
        self.at = self.chance.randrange(len(machines))
        self.count, self.moves, self.fault = 0, 0, None
        self.ends = False

    def run(self):
        try:
            with open(self.log, "w", newline="\n") as self.file:
                while not self.ends:
                    self.follow()
        # A client that fails must not look like one that got nothing.
        except Exception as error:
            self.fault = error
            raise

    def follow(self):
        """One connection, to its end."""
        until = time.monotonic() + self.chance.uniform(*self.stays)
        machine, reason, connection = self.machines[self.at], "of itself", None
        try:
            address = machine.server.address()
            if address is None:
                raise Gone("it does not listen")
            connection = self.kind(address, self.since)
            while not self.ends and time.monotonic() < until:
                self.take(connection.read())
                if self.lags and self.chance.random() < 0.01:
                    time.sleep(self.chance.uniform(0.5, 3))
        except (OSError, Gone, http.client.HTTPException) as error:
            reason = f"{type(error).__name__} {error}"
            # Many clients come at once where a machine is gone.
            time.sleep(self.chance.uniform(0.05, 0.3))
        finally:
            if connection is not None:
                connection.close()
        self.at = (self.at + 1) % len(self.machines)
        self.moves += 1
        self.file.write(f"!at\t{self.machines[self.at].name} {time.strftime('%T')}: {reason}\n")

    def take(self, events):
        for event in events:
            if isinstance(event, Message):
                self.since = event.id
                self.count += 1
                self.file.write(f"{named(event.id)}\t{event.text}\n")
            else:
                self.file.write(f"!gap\t{json.dumps(event)}\n")


def events_of(log):
    """What a client wrote down, for the checker."""
    with open(log, newline="\n") as lines:
        for line in lines:
            id, _, text = line.rstrip("\n").partition("\t")
            if id == "!gap":
                missed, stream, following = json.loads(text)
                yield Gap(missed, stream, following and tuple(following))
            elif not id.startswith("!"):
                yield Message(parse_id(id), text)
