"""docs/engine-figures.md, from the figures of a run."""

import datetime
from pathlib import Path

import measured_on
import measures

DOCUMENT = Path("docs/engine-figures.md")
HEAD = "| figure | without an engine | with it | with by without |\n|---|---|---|---|\n"


def section(name, stream, rows):
    """The table of one engine."""
    return f"## {name}\n\nThe stream: {stream}.\n\n{HEAD}" + "".join(f"{row}\n" for row in rows)


def document(parts, found, rounds, load):
    """The whole document."""
    tables = "\n".join(section(*part) for part in parts)
    return f"""# What an engine costs

What NATS JetStream costs between those who write lines and those who read them, against the same lines straight into ws-server. `RECORD=1 make bench-nats` writes this document, in about
five minutes.

{datetime.date.today()}: {measured_on.system()}, {measured_on.build()} of {measured_on.commit()}, {found.engine()}. Everything ran on these cores: servers, bridge, publisher,
writer and client. {load}

**The ratios are the claim.** Each is of two windows that were measured within seconds of each other; a figure is the median of {rounds} such pairs, with the least and the most in parentheses. The
figures beside them are those of a small machine that does all at once.

- *Without an engine*: a writer → `--source unix:` → ws-server → a client on a Unix socket.
- *With it*: a writer → `datecast-nats publish` → nats-server → `datecast-nats follow` → `--source unix:` and `--numbers given` → ws-server → the same client. The stream has as
  many replicas as there are nodes; a line counts as published when a majority has it.
- A line has 100 bytes with its end. Clients check in each window that every line comes, and comes once.
- *Lines per second*: for about {measures.FLOOD_SECONDS} seconds, as fast as they are taken; from the first to the last one at the client.
- *Processor's time*: what the program's processes took in these seconds, by the lines.
- *Latency*: from the moment that a line is written until the client has it, {measures.SECONDS} seconds of {measures.A_SECOND:,} lines/s.
- *Silence*: the longest time between two lines at the client. The leader changes one second after the window began. Where a change swallows the answer to a batch, `datecast-nats
  publish` waits for it for a second before it asks the next leader.
- *An empty machine*: from the moment that the bridge starts, or lines are written, until a client that waits there has the newest line.

{tables}"""
