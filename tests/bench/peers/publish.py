"""publish.py PORT PATH: posts the lines of standard input, or without any a date each second, to a server that publishes what it gets."""

import socket
import sys
import time

port, path = int(sys.argv[1]), sys.argv[2]
connection = socket.create_connection(("127.0.0.1", port))
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
answers = connection.makefile("rb")


def post(text):
    connection.sendall(b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s" % (path.encode(), len(text), text))
    status, length = answers.readline(), 0
    assert status.split()[1] in (b"200", b"201", b"202"), status
    while (line := answers.readline().strip().lower()):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    answers.read(length)


def dates():
    for number in range(1, 1 << 30):
        yield f"{number} {time.strftime('%a %b %d %Y %H:%M:%S', time.gmtime())} GMT+0000 (Coordinated Universal Time)".encode()
        time.sleep(1)


lines = (line.rstrip(b"\n") for line in sys.stdin.buffer)
for text in dates() if sys.argv[3:] == ["dates"] else lines:
    post(text)
