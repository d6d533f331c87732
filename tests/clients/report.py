"""What the Python clients share; see report.mjs. Runs also on Python 2.7, for autobahn 0.8.15."""
from __future__ import print_function

import os
import sys

url = sys.argv[1]
# For a header, where the client can send one.
headers = {"Authorization": "Bearer " + os.environ["TOKEN"]} if os.environ.get("TOKEN") else {}
connections = int(sys.argv[2]) if len(sys.argv) > 2 else 1
stop_after = int(sys.argv[3]) if len(sys.argv) > 3 else float("inf")


class Reporter:
    """Prints the events of one connection."""

    def __init__(self, index):
        self.index = index
        self.texts = 0

    def say(self, event, value):
        print(self.index, event, value)
        sys.stdout.flush()

    def open(self, connection_id):
        self.say("open", connection_id or "-")

    def text(self, message):
        """True with the last message that the test wants."""
        if self.texts < stop_after:
            self.say("text", message)
        self.texts += 1
        return self.texts >= stop_after

    def close(self, code):
        self.say("close", "-" if code is None else code)
