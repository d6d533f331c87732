"""Faults that are planted in what a client of a real run wrote down: the checker has to find each."""

from checker import Gap, Message


def plants(at):
    """Pairs of a kind of fault and a function that plants one near the message `at`."""
    def lost(events):
        return events[:at] + events[at + 1:]

    def lost_at_the_end(events):
        return events[:-1]

    def doubled(events):
        return events[:at] + events[at - 1:]

    def doubled_later(events):
        return events[:at + 500] + events[at:at + 1] + events[at + 500:]

    def order(events):
        return events[:at] + [events[at + 1], events[at]] + events[at + 2:]

    def gap(events):
        return events[:at] + [Gap(0, "same", events[at].id)] + events[at:]

    def altered(events):
        return events[:at] + [Message(events[at].id, events[at + 1].text)] + events[at + 1:]

    yield from (("lost", lost), ("lost", lost_at_the_end), ("doubled", doubled), ("doubled", doubled_later), ("order", order), ("gap", gap),
                ("altered", altered))

