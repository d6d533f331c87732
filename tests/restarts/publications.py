"""Publishers whose requests are under way while the process changes: each line comes out once, by the key of its request."""

import http.client

import lab
from posts import Posts

RATE = 600


def publications(binary, count, clients=300):
    """At least so many hand-overs, until all requests are answered."""
    # No line that may be asked for again leaves the history.
    arguments = ["--source", "http", "--history", "100000", *lab.LINES]
    with lab.Lab(binary, arguments, clients=clients, says=0, first=say_something) as here:
        here.crowd.be_deaf()
        requests = 600 * count
        with Posts([lab.LOAD_GENERATOR, "post", "--to", f"127.0.0.1:{here.holder.port}", "--requests", requests, "--rate", RATE, "--clients", 60,
                    "--seed", count], requests) as posts:
            while not posts.is_over():
                here.workers = here.random.choice([1, 2, 2, 3])
                here.pause()
                here.hand_over()
            figures = posts.verdict()
        assert len(here.seconds) >= count, f"only {len(here.seconds)} hand-overs"
        now = here.crowd.settle()
        lab.nothing_lost(now, here.counted())
        lab.nobody_ended(now)
        return (f"{len(here.seconds)} hand-overs, {requests} requests with {figures['lines']} lines, {figures['cut']} bodies cut off on purpose, "
                f"{figures['retries']} retries: each line once and in order at {clients} clients; an answer after {figures['answer_ms']['p50']} / "
                f"{figures['answer_ms']['p99']} ms (p50 / p99), restart {lab.median(here.seconds) * 1000:.0f} ms (median)")


def say_something(here):
    """Polls are answered at once then."""
    to = http.client.HTTPConnection("127.0.0.1", here.holder.port)
    to.request("POST", "/", "before all")
    assert to.getresponse().status == 200
    to.close()
