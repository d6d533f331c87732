"""uwebsockets.py PORT dates|silent|lines: uWebSockets, whose library the PyPI package socketify brings; a publish is one call into it.

Its loop is libuv's, called straight: Python runs once a second for dates, and once a millisecond while there are lines to read.
"""

import os
import sys
from datetime import datetime, timezone

from socketify import App, CompressOptions, OpCode

port, job = int(sys.argv[1]), sys.argv[2]
app = App()
count, rest = 0, b""


def opened(socket):
    socket.subscribe("all")


def publish_date(_):
    global count
    count += 1
    now = datetime.now(timezone.utc)
    app.publish("all", f"{count} {now:%a %b %d %Y %H:%M:%S} GMT+0000 (Coordinated Universal Time)", OpCode.TEXT)


def publish_lines(_):
    global rest
    try:
        *lines, rest = (rest + os.read(0, 1 << 16)).split(b"\n")
    except BlockingIOError:
        return
    for line in lines:
        app.publish("all", line, OpCode.TEXT)


behaviour = {"compression": CompressOptions.DISABLED, "idle_timeout": 0, "max_backpressure": 64 * 1024 * 1024}
if job != "silent":
    behaviour["open"] = opened
app.ws("/*", behaviour)
app.listen({"port": port, "host": "127.0.0.1"}, lambda config: None)
loop = app.loop.uv_loop
if job == "dates":
    timer = loop.create_timer(1000, 1000, publish_date, None)
elif job == "lines":
    os.set_blocking(0, False)
    timer = loop.create_timer(1, 1, publish_lines, None)
loop.run()
