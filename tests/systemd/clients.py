"""The load generator (tests/load_generator) in the container's network: live clients, and new connections."""

import json
import queue
import subprocess
import threading
import time

import prepare

PORTS = {"ws-server": 40132, "policy-server": 843, "static-server": 8080}
REQUESTS = {"ws-server": "stream", "policy-server": "policy", "static-server": "page"}


class Program:
    """A process that takes commands as lines and answers with JSON lines; `with` ends it."""

    def __init__(self, command, cwd=None):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=cwd)
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))
        self.lines.put(None)

    def next(self, patience=60):
        """Its next line, which must come in time."""
        try:
            answer = self.lines.get(timeout=patience)
        except queue.Empty:
            answer = None
        if answer is None:
            self.end()
            raise AssertionError(f"nothing for {patience} s, or its end: {' '.join(map(str, self.process.args))}")
        return answer

    def send(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        self.process.kill()
        self.process.wait()


class LiveClients(Program):
    """Live connections of all dialects; the load generator holds them."""

    def __init__(self, machine, count, port=40132):
        super().__init__(machine.enter_network(prepare.LOAD_GENERATOR, "hold", "--to", f"127.0.0.1:{port}", "--connections", count))
        opening = self.next(30)
        if opening["open"] != count:
            self.end()
            raise AssertionError(f"not all are open: {opening}")

    def ask(self, command):
        self.send(command)
        return self.next()

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
