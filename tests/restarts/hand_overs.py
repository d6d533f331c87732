"""Hand-overs under load: nobody is refused, nothing is lost, nothing comes twice."""

import lab

# Seconds between two processes, if the next one is late: more than a client must have been there to be announced.
LATE = 3


def to_itself(binary, count, arguments, producers=0, clients=300, given=False, delay=0, without=None):
    """One build hands over to itself, with another number of workers each time; the next process begins after `delay` seconds."""
    with lab.Lab(binary, [*lab.HEARING, *arguments], producers=producers, clients=clients, given=given, without=without) as here:
        for number in range(count):
            here.crowd.ask("go on")
            here.workers = here.random.choice([1, 2, 2, 3])
            here.pause()
            here.hand_over(delay=delay)
            if number % 10 == 9 or number == count - 1:
                now = here.crowd.settle()
                lab.nothing_lost(now, here.counted())
                lab.nobody_ended(now)
        counts, wait = now["counts"], " / ".join(str(now["wait_ms"][name]) for name in ("p50", "p99", "max"))
        return (f"{count} hand-overs, {counts['opened']} clients came, {counts['left']} left, {counts['messages']} messages, "
                f"{now['heard']} notices to each, wait of a newcomer {wait} ms (p50 / p99 / max), restart {lab.median(here.seconds) * 1000:.0f} ms (median){lab.left_out(here.counted())}")


def late(binary, count, arguments, producers=0, clients=300):
    """The same, with a next process that is late. The clock keeps no date for who asks for it later: no polls."""
    return to_itself(binary, count, arguments, producers, clients, delay=LATE, without=None if producers else ",".join(lab.POLLS))


# How a connection ends that the next process cannot take: Close 1012, or its way's own.
CLOSED = {"rfc6455": "1012", "hybi-08": "1012", "hybi-07": "1012", "ids": "1012", "hixie-76": "closed", "hixie-75": "closed",
          "events-1.1": "end", "events-1.0": "end", "lines-1.1": "end", "lines-1.0": "end", "json-1.1": "end"}
# A poll: a status, or nothing for a connection that is between two of them (RFC 9112 section 9.3.1: the client asks again).
OF_POLLS = {"end", "503", "cut", "reset"}


def between(older, newer, count, arguments, producers=0, clients=300, before_json=False):
    """Two builds whose states differ, in turn: upwards as above, downwards a connection goes on or is told."""
    without = "json-1.1,poll,jsonp" if before_json else None
    # The oldest builds do not know a socket for lines that is held for them.
    with lab.Lab(older, [*lab.HEARING, *arguments], producers=producers, clients=clients, without=without, holds_lines=not before_json) as here:
        went_on = told = up = down = 0
        for number in range(count):
            here.crowd.ask("go on")
            here.workers = here.random.choice([1, 2, 2, 3])
            here.binary = older if here.binary == newer else newer
            here.pause()
            here.hand_over()
            upwards = here.binary == newer
            now = here.crowd.settle(forget=not upwards)
            lab.nothing_lost(now, here.counted())
            if upwards:
                lab.nobody_ended(now)
                up += 1
            else:
                ended = only_told(now)
                told, went_on, down = told + ended, went_on + clients - ended, down + 1
            here.crowd.ask("mark")
        return (f"{up} upwards: 0 refused, 0 lost, 0 doubled, 0 ended; {down} downwards: {went_on} went on, {told} were closed by their way's own end, "
                f"0 lost in silence; restart {lab.median(here.seconds) * 1000:.0f} ms (median){lab.left_out(here.counted())}")


def to_a_stranger(binary, count, arguments, producers=0, clients=300):
    """What a version leaves whose format the next process does not know: everybody is told, and comes again."""
    with lab.Lab(binary, [*lab.HEARING, *arguments], producers=producers, clients=clients) as here:
        told = 0
        for _ in range(count):
            here.crowd.ask("go on")
            here.pause()
            here.hand_over(as_format=1000)
            now = here.crowd.settle(forget=True)
            # The end of a connection whose request was under way.
            refused = [name for name in now["faults"] if name.endswith(": status 503")]
            unanswered = sum(now["faults"].pop(name) for name in refused)
            lab.nothing_lost(now, here.counted())
            ended = only_told(now) + unanswered
            # Some were just leaving.
            assert ended + now["counts"].get("left", 0) >= clients, now
            told += ended
            here.crowd.ask("mark")
        return f"{count} hand-overs to a process that does not know the format: {told} connections closed by their way's own end, 0 refused, 0 cut"


def only_told(now):
    """How many connections ended, each as its way says it."""
    for name in now["ended"]:
        dialect, how = name.removeprefix("while it left: ").split(" ", 1)
        assert how in (OF_POLLS if dialect in lab.POLLS else {CLOSED.get(dialect, "cut")}), now
    return sum(now["ended"].values())
