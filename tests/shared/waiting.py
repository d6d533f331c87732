"""A wait that ends."""

import time

# Seconds for what comes at once on a machine with nothing else to do.
PATIENCE = 90


def until(what, condition, patience=PATIENCE, pause=0.02):
    """Waits until the condition gives something, and returns that; fails with `what`."""
    deadline = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {patience} s: {what() if callable(what) else what}"
        time.sleep(pause)
    return found
