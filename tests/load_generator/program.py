"""A program of ours that takes commands as lines and answers with JSON lines, as the load generator does."""

import json
import queue
import subprocess
import threading


class Program:
    """A process that takes commands as lines and answers with JSON lines; `with` ends it."""

    def __init__(self, command, cwd=None):
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=cwd)
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

    def ask(self, command):
        self.send(command)
        return self.next()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        self.process.kill()
        self.process.wait()
