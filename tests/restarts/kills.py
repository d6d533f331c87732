"""`kill -9` under load: connections that the process had are cut off, and no other is refused or left without an answer."""

import lab

# How a connection of the killed process ends: without an end of its own, where the dialect has one.
CUT = {"cut", "reset"}
# Dialects whose end is that of the connection.
WITHOUT_AN_END = {"hixie-75", "events-1.0", "lines-1.0"}
# A connection that the killed process had accepted and not answered yet.
IN_FLIGHT = {"reset without an answer", "closed without an answer", "closed after a second of silence"}


def kills(binary, count, arguments, producers=0, clients=300):
    with lab.Lab(binary, arguments, producers=producers, clients=clients) as here:
        here.crowd.be_deaf()
        for number in range(count):
            here.crowd.ask("go on")
            here.pause()
            here.kill()
            if number % 5 == 4 or number == count - 1:
                now = here.crowd.settle()
                assert_only_cut(now)
        ended, unanswered = sum(now["ended"].values()), sum(now["faults"].values())
        counts = now["counts"]
        return (f"{count} kills, 0 refused, {ended} connections cut off, {unanswered} before their answer; {counts['opened']} were answered, "
                f"after {now['wait_ms']['max']} ms at most; {counts.get('told a new stream', 0)} were told that the stream is new")


def assert_only_cut(now):
    """Who is cut off sees that; who asks to go on is told what is missing; nobody is refused."""
    for name in now["ended"]:
        dialect, how = name.removeprefix("while it left: ").split(" ")[0], name.split(" ")[-1]
        assert how in CUT or dialect in WITHOUT_AN_END, now
    for name in now["faults"]:
        assert name.split(": ", 1)[1] in IN_FLIGHT, now
    wrong = {name: count for name, count in now["counts"].items() if name in lab.LOSSES}
    assert not wrong, now
