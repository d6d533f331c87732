"""inherit.py PORT deferred|plain PROCESSES COMMAND...: runs so many processes of a command, which inherit one listener, as a socket unit gives it (LISTEN_FDS)."""

import os
import socket
import sys

# As in the units (`DeferAcceptSec=1`), and the queue of our own listeners.
SECONDS, BACKLOG = 1, 4096
# SD_LISTEN_FDS_START of sd_listen_fds(3).
FIRST = 3

port, how, processes, *command = sys.argv[1:]
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if how == "deferred":
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, SECONDS)
listener.bind(("127.0.0.1", int(port)))
listener.listen(BACKLOG)
if listener.fileno() == FIRST:
    os.set_inheritable(FIRST, True)
else:
    os.dup2(listener.fileno(), FIRST)
# This process becomes the last one: the others are its children.
for number in range(1, int(processes)):
    if os.fork() == 0:
        break
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execvp(command[0], command)
