"""Hand-overs under load: nobody is refused, nothing is lost, nothing comes twice."""

import lab


def to_itself(binary, count, arguments, producers=0, clients=300):
    """One build hands over to itself, with another number of workers each time."""
    with lab.Lab(binary, [*lab.HEARING, *arguments], producers=producers, clients=clients) as here:
        for number in range(count):
            here.crowd.ask("go on")
            here.workers = here.random.choice([1, 2, 2, 3])
            here.pause()
            here.hand_over()
            if number % 10 == 9 or number == count - 1:
                now = here.crowd.settle()
                lab.nothing_lost(now)
                lab.nobody_ended(now)
        counts = now["counts"]
        return (f"{count} hand-overs, {counts['opened']} clients came, {counts['left']} left, {counts['messages']} messages, "
                f"{now['heard']} notices to each, wait of a newcomer {now['wait_ms']}, restart {lab.median(here.seconds) * 1000:.0f} ms (median)")

