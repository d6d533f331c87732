"""Publishing by HTTP to a named stream across `systemctl restart`: clients that fail and try again, each line once."""

import time
from contextlib import contextmanager

import hand_over
import prepare
import report
from posts import Posts
from waiting import until

NAME = "ws-server@posts"
TOKENS = "/etc/datecast/posts.tokens"
CONFIGURATION = f"""source = "http"
template = "{{seq}} {{line}}"
workers = 2
history = 100000
publish-token-file = "{TOKENS}"
"""
TOKEN = "c1d5f0a94be6472c8f3ae7b21d90c4f6"
PORT = "[Socket]\nListenStream=127.0.0.1:40140\n"
OFF = "[Service]\nEnvironment=DATECAST_WS_HAND_OVER=off\n"
# Fewer a second make the run longer, not wrong.
REQUESTS, RATE, RESTARTS = 100_000, 1500, 20
FEW = 3000


def checks():
    yield "posts-over-20-restarts", over_restarts, ["--to", "127.0.0.1:40140"], REQUESTS, RATE, RESTARTS
    yield "posts-over-restarts-by-the-unix-socket", by_unix_socket
    yield "control-posts-without-hand-over", without_hand_over


@contextmanager
def stream(lab, drop_in=None):
    """A stream that takes lines by HTTP, with a port of its own and a token."""
    files = {f"/etc/datecast/{NAME}.toml": CONFIGURATION, TOKENS: f"poster {TOKEN}\n",
             f"/etc/systemd/system/{NAME}.socket.d/port.conf": PORT}
    if drop_in:
        files[f"/etc/systemd/system/{NAME}.service.d/lab.conf"] = drop_in
    for path, text in files.items():
        lab.machine.write(path, text)
    lab.machine.run("chown", "root:datecast", TOKENS)
    lab.machine.run("chmod", "640", TOKENS)
    try:
        lab.systemctl("daemon-reload")
        lab.systemctl("start", f"{NAME}.socket", f"{NAME}.service")
        yield
    finally:
        lab.machine.query("systemctl", "stop", f"{NAME}.socket", f"{NAME}.service")
        for path in files:
            lab.machine.remove(path)
        lab.machine.query("systemctl", "daemon-reload")


def posts_of(lab, to, requests, rate, seed, patience=60):
    """The load generator posts; its clients and its reader are connected when this returns."""
    command = [prepare.LOAD_GENERATOR, "post", *to, "--requests", requests, "--rate", rate, "--clients", 60, "--seed", seed,
               "--token", TOKEN, "--patience", patience]
    return Posts(lab.machine.enter_network(*command), requests)


def over_restarts(lab, to, requests, rate, restarts):
    with stream(lab):
        with posts_of(lab, to, requests, rate, seed=requests) as posts:
            begin, pause, seconds = time.monotonic(), requests / rate / (restarts + 3), []
            for number in range(1, restarts + 1):
                # By the clock, as the posts are: they go on behind the last restart.
                time.sleep(max(0, begin + number * pause - time.monotonic()))
                assert not posts.is_over(), "all was posted before the last restart"
                seconds.append(hand_over.restart(lab, NAME))
            figures = posts.verdict()
    told = (f"{figures['lines']:,} lines in {figures['seconds']:.0f} s: 0 lost, 0 doubled; {figures['cut']:,} bodies cut off on purpose, {figures['retries']:,} retries; "
            f"an answer after {figures['answer_ms']['p50']} ms (p50), {figures['answer_ms']['p99']} ms (p99)")
    report.figure(f"{requests:,} requests that publish over {restarts} restarts (the longest took {max(seconds) * 1000:.0f} ms)", told)
    return told


def by_unix_socket(lab):
    """As a producer of the same machine does; the file is in the container's /run."""
    init = lab.machine.pid
    return over_restarts(lab, ["--to", f"unix:/proc/{init}/root/run/{NAME}/stream.sock"], FEW, 600, 3)


def without_hand_over(lab):
    """The control: where a restart ends connections and forgets keys, the figures say so. Its reader is waited for in vain."""
    with stream(lab, OFF):
        with posts_of(lab, ["--to", "127.0.0.1:40140"], FEW, 600, seed=7, patience=15) as posts:
            time.sleep(2)
            assert not posts.is_over(), "all was posted before the restart"
            hand_over.restart(lab, NAME)
            figures = posts.next(patience=120)
            assert until("it ends", lambda: posts.process.poll() is not None) and posts.process.returncode == 1, figures
    assert "open" not in figures["reader"], figures
    return f"reader {figures['reader']}, {figures['lost']} lost, {figures['doubled']} doubled"
