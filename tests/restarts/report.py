"""A line for each check, as tests/run counts them, and the figures for the record."""

import sys
import time
import traceback

figures = []
failed = 0


def check(name, body, *arguments):
    """Runs a check; what it returns stands behind its line."""
    global failed
    begin = time.monotonic()
    try:
        text = body(*arguments)
        print(f"ok      {name} ({time.monotonic() - begin:.0f} s){': ' + text if text else ''}", flush=True)
        return True
    except Exception as error:
        failed += 1
        print(f"not ok  {name} ({time.monotonic() - begin:.0f} s): {error}", flush=True)
        traceback.print_exc(file=sys.stdout)
        return False


def figure(what, value):
    figures.append((what, value))
