"""`kill -TERM` under load: each client that lives is told, those that never read cost no more than the drain timeout, and nobody is refused."""

import hand_overs
import lab

DRAIN = 2
# So many lines are more than the kernel holds for a client that never reads, and the server keeps them.
HISTORY = 4000
TOLD = {"rfc6455": "1001", "hybi-08": "1001", "hybi-07": "1001", "ids": "1001", "hixie-76": "closed", "hixie-75": "closed",
        "events-1.1": "end", "events-1.0": "end", "lines-1.1": "end", "lines-1.0": "end", "json-1.1": "end"}


def stops(binary, count, dead=20, clients=300, is_timed=True):
    """With `is_timed`, it must be quick on this machine, too."""
    arguments = ["--drain-timeout", f"{DRAIN}s", "--max-connections", "0"]
    # A burst of lines to thousands would take longer than the stop; what is kept for those that never read is enough then.
    is_large = clients > 1000
    rate, fill = (1, HISTORY) if is_large else (50, 0)
    with lab.Lab(binary, arguments, producers=1, clients=clients, rate=rate, fill=fill) as here:
        here.crowd.be_deaf()
        seconds = []
        for number in range(count):
            here.crowd.ask("go on")
            here.open_dead(dead, burst=not is_large)
            here.wait_for_full()
            here.pause()
            code, took = here.stop(DRAIN)
            here.bury()
            assert code == 0, f"exit code {code}: {here.holder.log_of_this()}"
            seconds.append(took)
            now = here.crowd.settle()
            assert_all_told(now)
        assert not is_timed or max(seconds) <= DRAIN + 1, f"a stop took {max(seconds):.2f} s"
        return (f"{count} stops, {dead} dead clients each, {sum(now['ended'].values())} live ones all told, 0 refused; "
                f"exit 0 after {lab.median(seconds):.2f} s (median), {max(seconds):.2f} s at most, with a drain timeout of {DRAIN} s")


def assert_all_told(now):
    for name in now["ended"]:
        dialect, how = name.split(" ", 1)
        assert how in (hand_overs.OF_POLLS if dialect in lab.POLLS else {TOLD.get(dialect)}), now
    # Connections whose client took longer than the server waits for a request.
    assert all(name.endswith("closed after a second of silence") for name in now["faults"]), now
    assert not [name for name in now["counts"] if name in lab.LOSSES], now
