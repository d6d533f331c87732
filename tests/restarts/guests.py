"""Clients that nobody likes, beside those that behave."""

import random
import socket
import threading

HOSTILE = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\nHost", b"SSH-2.0-Go\r\n",
    b"<policy-file-request/>\0", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x81\x85",
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
]
LINGER_NOT = b"\x01\0\0\0\0\0\0\0"


class Guests(threading.Thread):
    """Connections from one address, held by a thread of their own."""

    def __init__(self, port, address):
        super().__init__(daemon=True)
        self.port, self.address, self.count, self.stopped = port, address, 0, threading.Event()

    def open(self, request):
        client = socket.socket()
        try:
            client.bind((self.address, 0))
            client.settimeout(5)
            client.connect(("127.0.0.1", self.port))
            client.sendall(request)
        except OSError:
            pass
        self.count += 1
        return client

    def stop(self):
        self.stopped.set()
        self.join(30)


class Hostile(Guests):
    """Clients that mean no good, twenty a second; each is reset after a while, or when it has been closed."""

    def __init__(self, port):
        super().__init__(port, "127.0.5.1")

    def run(self):
        held, chosen = [], random.Random(1)
        while not self.stopped.wait(0.05):
            held.append(self.open(chosen.choice(HOSTILE)))
            held[-1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
            while len(held) > 60:
                held.pop(0).close()
        for client in held:
            client.close()


class Slow(Guests):
    """Thirty clients that ask for all there is and read sixteen bytes a second; who is closed for it comes again."""

    def __init__(self, port):
        super().__init__(port, "127.0.6.1")

    def run(self):
        held = [self.open_slow() for _ in range(30)]
        while not self.stopped.wait(1):
            held = [client if self.reads(client) else self.open_slow() for client in held]
        for client in held:
            client.close()

    def open_slow(self):
        client = self.open(b"GET /?since=1 HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n")
        client.setblocking(False)
        return client

    def reads(self, client):
        """Reads a little; false at the end."""
        try:
            if client.recv(16):
                return True
        except BlockingIOError:
            return True
        except OSError:
            pass
        client.close()
        return False
