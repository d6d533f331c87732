"""As much of the NATS protocol as asking JetStream's own API takes: one request, one answer."""

import json
import socket
import time

# A server that is choosing a leader answers late or not at all.
PATIENCE = 20


class Refused(Exception):
    """JetStream answered with an error; `code` is its `err_code`."""

    def __init__(self, error):
        super().__init__(f"{error.get('description')} ({error.get('err_code')})")
        self.code = error.get("err_code")


class Connection:
    """A connection to one nats-server; a context manager."""

    def __init__(self, port, seconds=PATIENCE):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")
        self.server = json.loads(self._line().split(b" ", 1)[1])
        self.inbox = f"_INBOX.bench.{time.monotonic_ns()}"
        options = {"verbose": False, "pedantic": False, "headers": True, "no_responders": True}
        self._send(f"CONNECT {json.dumps(options)}\r\nSUB {self.inbox} 1\r\nPING\r\n")
        while self._line() != b"PONG":
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def _send(self, text):
        self.socket.sendall(text.encode())

    def _line(self):
        line = self.file.readline()
        if not line:
            raise ConnectionError("nats-server closed the connection")
        return line.rstrip(b"\r\n")

    def request(self, subject, payload=b"", headers=None, raw=False):
        """The answer to one request, as JSON (or as it is); raises `Refused` for an error of JetStream."""
        if headers:
            head = "NATS/1.0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
            length = len(head.encode())
            self._send(f"HPUB {subject} {self.inbox} {length} {length + len(payload)}\r\n{head}")
        else:
            self._send(f"PUB {subject} {self.inbox} {len(payload)}\r\n")
        self.socket.sendall(payload + b"\r\n")
        if raw:
            return self._message()
        answer = json.loads(self._message())
        if "error" in answer:
            raise Refused(answer["error"])
        return answer

    def _message(self):
        while True:
            line = self._line()
            if line == b"PING":
                self._send("PONG\r\n")
            elif line.startswith(b"MSG"):
                return self._payload(int(line.split()[-1]))[0:]
            elif line.startswith(b"HMSG"):
                *_, head, whole = line.split()
                body = self._payload(int(whole))
                if body.startswith(b"NATS/1.0 503"):
                    raise ConnectionError("nobody answers: JetStream is off, or has no leader")
                return body[int(head):]
            elif line.startswith(b"-ERR"):
                raise ConnectionError(line.decode())

    def _payload(self, length):
        return self.file.read(length + 2)[:length]

    def api(self, subject, **request):
        """A request to `$JS.API`."""
        return self.request(f"$JS.API.{subject}", json.dumps(request).encode())
