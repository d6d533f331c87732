"""Publishers whose requests are under way while the process changes: each line comes out once, by the key of its request."""

import http.client

import lab
from posts import Posts

RATE = 600


def publications(binary, count, clients=300):
    """Rounds of requests until there were so many hand-overs."""
    # No line that may be asked for again leaves the history.
    arguments = ["--source", "http", "--history", "100000", *lab.LINES]
    with lab.Lab(binary, arguments, clients=clients, says=0, first=say_something) as here:
        here.crowd.be_deaf()
        rounds = []
        while len(here.seconds) < count:
            rounds.append(publish(here, 300 * count, seed=len(rounds)))
        now = here.crowd.settle()
        lab.nothing_lost(now, here.counted())
        lab.nobody_ended(now)
        requests, lines, cut, retries = (sum(figures[what] for figures in rounds) for what in ("requests", "lines", "cut", "retries"))
        p50, p99 = (max(figures["answer_ms"][what] for figures in rounds) for what in ("p50", "p99"))
        return (f"{len(here.seconds)} hand-overs, {requests} requests with {lines} lines, {cut} bodies cut off on purpose, {retries} retries: each line "
                f"once and in order at {clients} clients; an answer after {p50} / {p99} ms (p50 / p99), restart {lab.median(here.seconds) * 1000:.0f} ms (median)")


def publish(here, requests, seed):
    """Hand-overs until so many requests are answered; the figures."""
    command = [lab.LOAD_GENERATOR, "post", "--to", f"127.0.0.1:{here.holder.port}", "--requests", requests, "--rate", RATE, "--clients", 60, "--seed", seed]
    with Posts(command, requests) as posts:
        while not posts.is_over():
            here.workers = here.random.choice([1, 2, 2, 3])
            here.pause()
            here.hand_over()
        return posts.verdict()


def say_something(here):
    """Polls are answered at once then."""
    to = http.client.HTTPConnection("127.0.0.1", here.holder.port)
    to.request("POST", "/", "before all")
    assert to.getresponse().status == 200
    to.close()
