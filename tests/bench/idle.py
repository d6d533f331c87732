"""How often a daemon of ours wakes up in a second in which nothing happens; the health's look once a second is all that there should be."""

import dataclasses
import subprocess
import time

import drivers
import usage

# Half a second away from when something is due once a second, so that chance does not say whether it is one more; what the start and the
# clients have set off is over by then.
SETTLED = 1.5
WATCHED = 3


@dataclasses.dataclass(frozen=True)
class Idle:
    """A daemon with its options, and how many WebSockets are open meanwhile. A bound that is lowered leaves `room` per cent above the figure."""

    name: str
    unit: str
    program: str
    given: tuple = ()
    clients: int = 0
    room: int = 3
    deferred: bool = False
    standard_input: int = subprocess.DEVNULL

    def options(self, folder):
        return [option.format(folder=folder) for option in self.given]

    def wakeups(self, process, port):
        """Of all its threads, in a second."""
        audience = drivers.Audience(port, self.clients)
        time.sleep(SETTLED)
        before = usage.wakeups(process.popen.pid)
        time.sleep(WATCHED)
        more = usage.wakeups(process.popen.pid) - before
        assert audience.messages == 0, "something was sent"
        return more / WATCHED


ALL = [
    Idle("idle-dates", "in a second without a client", "ws-server"),
    Idle("idle-ws", "in a second with 50 clients that nothing is sent to", "ws-server", ("--interval", "0"), clients=50),
    Idle("idle-static", "in a second without a client", "static-server", ("--root", "{folder}/site")),
    # It wakes up when the time of a connection would be over, even if it has ended before: here it is, before anything is counted.
    Idle("idle-policy", "in a second without a client", "policy-server", ("--lifetime", "1s")),
]
