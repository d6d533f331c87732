"""How evenly the kernel spreads connections over two workers: with a listener for each, or with one that they share."""

import hand_over
import report
from clients import LiveClients
from waiting import until

CONNECTIONS = 2000
SHARED = "[Socket]\nListenStream=\nListenStream=[::]:40132\n"
BOTH = [f"{hand_over.NAME}.socket", f"{hand_over.NAME}.service"]


def checks():
    yield "workers-share-evenly", listener_each
    yield "workers-with-one-listener", one_listener


def spread(lab):
    hand_over.fresh(lab)
    with LiveClients(lab.machine, CONNECTIONS):
        def all_and_no_others():
            counts = lab.connections_per_worker(hand_over.NAME)
            return counts if CONNECTIONS <= sum(counts) <= CONNECTIONS + 10 else None
        return until("the workers hold all of them", all_and_no_others)


def listener_each(lab):
    """As shipped: the address twice in the socket unit, with `ReusePort=yes`. The kernel spreads by a hash."""
    counts = spread(lab)
    assert len(counts) == 2 and counts[0] > CONNECTIONS * 0.44, counts
    text = " / ".join(map(str, counts))
    report.figure(f"{CONNECTIONS:,} connections over two workers, a listener each (`ReusePort=yes`, as shipped)", text)
    return text


def one_listener(lab):
    """For comparison: one inherited listener, of which each worker has a duplicate."""
    with lab.drop_in(f"{hand_over.NAME}.socket", SHARED):
        lab.systemctl("stop", *BOTH)
        lab.systemctl("start", BOTH[0])
        counts = spread(lab)
    lab.systemctl("stop", *BOTH)
    lab.systemctl("start", BOTH[0])
    text = " / ".join(map(str, counts))
    report.figure(f"{CONNECTIONS:,} connections over two workers that share one listener", text)
    return text
