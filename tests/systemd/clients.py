"""The load generator (tests/load_generator) in the container's network: live clients, and new connections."""

import time

import prepare
from program import Program

PORTS = {"ws-server": 40132, "policy-server": 843, "static-server": 8080}
REQUESTS = {"ws-server": "stream", "policy-server": "policy", "static-server": "page"}


class LiveClients(Program):
    """Live connections of all dialects; the load generator holds them."""

    def __init__(self, machine, count, port=40132):
        super().__init__(machine.enter_network(prepare.LOAD_GENERATOR, "hold", "--to", f"127.0.0.1:{port}", "--connections", count))
        opening = self.next(30)
        if opening["open"] != count:
            self.end()
            raise AssertionError(f"not all are open: {opening}")

    def report(self):
        return self.ask("report")


class Knocker(Program):
    """New connections at a steady rate."""

    def __init__(self, machine, name, rate=1000, port=None, patience=20, count=60_000, kind=None):
        command = [prepare.LOAD_GENERATOR, "knock", "--to", f"127.0.0.1:{port or PORTS[name]}", "--as", kind or REQUESTS[name],
                   "--rate", rate, "--count", count, "--seconds", 60, "--patience", patience]
        super().__init__(machine.enter_network(*command))

    def go_on(self, seconds):
        """Waits while it knocks."""
        time.sleep(seconds)

    def wait_for_answer(self, patience=20):
        assert "first_answer" in (answer := self.next(patience)), f"no answer: {answer}"

    def stop(self):
        """Ends the knocking, waits for the last answers, and gives the outcome of all."""
        self.send("quit")
        while "outcomes" not in (answer := self.next()):
            pass
        return answer


def knock(machine, name, count=20, port=None, patience=20):
    """The outcomes of so many connections."""
    with Knocker(machine, name, rate=1000, count=count, port=port, patience=patience) as knocker:
        while "outcomes" not in (answer := knocker.next()):
            pass
        return answer["outcomes"]
