"""A line for each check, as tests/run counts them, and what the checker says of a run."""

import random

from checker import check
from planted import plants

outcomes = []


def report(name, holds, reason=""):
    """`reason`: why it does not hold."""
    print(f"ok {name}" if holds else f"not ok {name}: {' '.join(str(reason).split())[:1500]}", flush=True)
    outcomes.append(holds)
    return holds


def judge(scenario, prefix=""):
    """A line for each publisher and each client. True where all is well."""
    faults = scenario.faults()
    for who in [other.name for other in scenario.publishers + scenario.clients]:
        mine = [fault for fault in faults if fault.who == who]
        report(f"{prefix}{who}: every acknowledged line once and in order, dense", not mine, f"{len(mine)} faults: {'; '.join(map(str, mine[:5]))}")
    return not faults


def plant(scenario):
    """Plants one fault of each kind in what one of the clients got, and asks whether the checker finds it."""
    sent, acks, clients, first = scenario.evidence()
    name, events = next((name, list(events)) for name, events in clients.items())
    for kind, fault in plants(random.Random(scenario.seed).randrange(len(events) // 4, len(events) // 2)):
        found = check(sent, acks, {name: fault(events)}, first)
        report(f"a planted fault is found: {fault.__name__.replace('_', ' ')}", kind in {fault.kind for fault in found}, found[:5])
