"""Whether every acknowledged line reached every client once and in order: pure, from what publishers and clients wrote down.

    sent ─▶ publishers ─▶ stream ─▶ machines ─▶ clients
              │ acks: (text, id)                  │ events: Message(id, text), Gap(missed, stream, next)
              └────────────▶ check ◀──────────────┘

An id is a pair (epoch, number). The numbers of an epoch are dense: each line has the next one.
"""

from typing import NamedTuple, Optional


class Message(NamedTuple):
    """A client got this line under this id."""
    id: tuple
    text: str


class Gap(NamedTuple):
    """A client was told that it missed so many lines (None: nobody knows), of the same stream or a new one, before the id `next`."""
    missed: Optional[int]
    stream: str
    next: Optional[tuple]


class Fault(NamedTuple):
    """What is wrong. `kind` is lost, doubled, order, gap, altered or invented."""
    kind: str
    who: str
    what: str

    def __str__(self):
        return f"{self.kind}: {self.who}: {self.what}"


def named(id):
    """An id as clients have it."""
    return f"{id[0]}_{id[1]}"


def check(sent, acks, clients, first, may_miss=()):
    """The list of faults; an empty one is the proof.

    `sent`: each text that the publishers were given, all different. `acks`: pairs (text, id) of each publisher by its
    name, in the order in which it was given the lines. `clients`: the events of each by its
    name; every client was there before the line with the id `first`. `may_miss`: the clients that may be told a gap, a true one.
    """
    sent, acknowledged, numbered = set(sent), {}, {}
    faults = [fault for publisher, pairs in acks.items() for fault in faults_of_acks(publisher, pairs, sent, acknowledged)]
    for client, events in clients.items():
        faults += Reading(client, sent, acknowledged, numbered, first, client in may_miss).faults_of(events)
    return faults


def faults_of_acks(publisher, acks, sent, acknowledged):
    """The faults in what one publisher was told; `acknowledged` gets the text of each id."""
    last = None
    for text, id in acks:
        if id in acknowledged:
            yield Fault("doubled", publisher, f"another line was acknowledged as {named(id)}, too")
        elif last is not None and id < last:
            yield Fault("order", publisher, f"{named(id)} is a line behind {named(last)}")
        if text not in sent:
            yield Fault("invented", publisher, f"{named(id)} acknowledges what nobody sent: {text[:60]!r}")
        acknowledged[id], last = text, id


class Reading:
    """What one client got, read from its first event to its last."""

    def __init__(self, client, sent, acknowledged, numbered, first, may_miss):
        self.client, self.sent, self.acknowledged, self.may_miss = client, sent, acknowledged, may_miss
        # The text of each id, as the clients before this one got it.
        self.numbered = numbered
        self.last = (first[0], first[1] - 1)
        self.seen, self.texts, self.faults = set(), {}, []
        # The gap that was told since the last message, and the ids between which lines may be missing.
        self.gap, self.gaps = None, []

    def fault(self, kind, what):
        self.faults.append(Fault(kind, self.client, what))

    def faults_of(self, events):
        for event in events:
            if isinstance(event, Gap):
                self.told(event)
            else:
                self.position(event.id)
                self.content(*event)
        for id in self.acknowledged.keys() - self.seen:
            if not any(before < id < behind for before, behind in self.gaps):
                self.fault("lost", f"{named(id)} was acknowledged and never came")
        return self.faults

    def told(self, gap):
        self.gap = gap
        if not self.may_miss:
            self.fault("gap", f"{gap} after {named(self.last)}")

    def position(self, id):
        """Whether this id may follow the last one."""
        if id in self.seen:
            self.fault("doubled", f"{named(id)} came again, after {named(self.last)}")
        elif id < self.last:
            self.fault("order", f"{named(id)} came after {named(self.last)}")
        elif self.gap is not None and self.may_miss:
            self.behind_gap(id)
        elif id != (self.last[0], self.last[1] + 1):
            self.fault("lost", f"{named(id)} came after {named(self.last)}, and no gap was told")
        self.seen.add(id)
        self.last, self.gap = max(self.last, id), None

    def behind_gap(self, id):
        """Whether the gap that was told is the one that is there."""
        missed = id[1] - self.last[1] - 1
        if self.gap != Gap(missed, "same", id) or missed == 0 or id[0] != self.last[0]:
            self.fault("gap", f"{self.gap} between {named(self.last)} and {named(id)}")
        self.gaps.append((self.last, id))

    def content(self, id, text):
        """Whether this is the line that others know by this id, and the only one with its text."""
        known = self.acknowledged.get(id, self.numbered.setdefault(id, text))
        if text not in self.sent:
            self.fault("invented", f"nobody sent what came as {named(id)}: {text[:60]!r}")
        elif text != known:
            self.fault("altered", f"{named(id)} is {text[:60]!r}, and to others {known[:60]!r}")
        if self.texts.setdefault(text, id) != id:
            self.fault("doubled", f"{named(id)} has the text of {named(self.texts[text])}: {text[:60]!r}")
