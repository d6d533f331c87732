"""The page and the JSON of a run."""

import dataclasses
import json

import cases
import charts
import tables
from lab import HERE

RESULTS = HERE / "results"


@dataclasses.dataclass(frozen=True)
class Run:
    """What a page is made of."""

    form: str
    rounds: int
    # When, on what, how it was built, of which commit.
    date: str
    system: str
    build: str
    commit: str
    # The machine's load average.
    load_before: float
    load_after: float
    # What each daemon of ours has in force where nothing is said, and how many bytes its program has, stripped; by its name.
    defaults: dict
    sizes: dict
    cases: list


def folded(title, text):
    return f"<details><summary>{title}</summary>\n\n{text}\n</details>\n\n"


def in_force(run):
    """What was in force: once what our daemons have by themselves, then for each case what it was started with."""
    parts = [folded(f"{name}, where nothing is said", f"```toml\n{text.strip()}\n```\n") for name, text in run.defaults.items()]
    for case in run.cases:
        lines = []
        for server in case["servers"]:
            lines.append(f"{server['name']}: `{server['command']}`\n")
            if server["configuration"]:
                lines.append(f"```\n{server['configuration']}\n```\n")
        parts.append(folded(f"{case['name']}: {case['title']}", "\n".join(lines)))
    return f"## What was in force\n\n{''.join(parts)}"


def section(title, lines):
    return f"## {title}\n\n{''.join(lines)}\n" if lines else ""


def fewer(run):
    """Which cases had not so many rounds."""
    other = {}
    for case in run.cases:
        if len(case["rounds"]) != run.rounds:
            other.setdefault(len(case["rounds"]), []).append(case["name"])
    return "".join(f"; {count} of {', '.join(names)}" for count, names in sorted(other.items(), reverse=True))


def document(run):
    """The whole page."""
    pictures = "".join(f"![{name}]({run.form}-{name}.svg)\n\n" for name in charts.charts(run.cases))
    return f"""# What things cost, beside the floor and the peers

{run.date}: {run.system}, {run.build} of {run.commit}. The {run.form} form of `make bench`: {run.rounds} rounds{fewer(run)}. The
machine's load average was {run.load_before:.1f} when it began and {run.load_after:.1f} when it ended.

A cost is the time of the processor that a server's threads took for a unit of work (schedstat), the median of the rounds with its quartiles. A server has one core and one worker, the load generator the
other core, and never sleeps while it measures: else a server pays for waking it, which no client on another machine costs it. **The ratios are the claim**: each is taken within a round, in which the
servers have their turn one after the other. A floor is a bare loop of system calls in C for the same job (`tests/bench/floors/`). Lateness: of dates, by how much the pause before one was too long; of
lines, the time since the line was written. That of a connection is taken by itself, too: its p99, which of fewer than 100 messages is the worst, and its median, which is great only where a client
always is late; the column is empty where the samples are from before 2026-11-28, when it was not taken. The floor of lines writes what it has read at once in one write to each client, as ours does; with
"64 KiB at a time" it waits until there are so many, which is the least that the bytes can cost, and as late as the table says.

{pictures}{"".join(tables.table(group, run.cases) for group in tables.GROUPS)}{tables.reasons(run.cases)}{section("Newcomers", tables.newcomers(run.cases))}{
        section("The other peers", tables.others(run.cases))}nginx's stream module answers without reading the request. The kernel then ends a connection with a reset, as
bytes were left unread, and a client may lose the answer with it: that is the share that failed. With `ssl_preread` it has read the request, as ours has, before it answers ("reading").

How long a restart pauses the stream for 19,000 clients is in [restarts.md](../../../docs/restarts.md), instructions, system calls and allocations are in [counts.md](counts.md).

Bytes of the programs, stripped: {"; ".join(f"{name} {size:,}" for name, size in run.sizes.items())}.

{in_force(run)}"""


def record(run, folder=RESULTS):
    """Writes the page, the charts and all samples into results/, under the form's name."""
    folder.mkdir(exist_ok=True)
    (folder / f"{run.form}.json").write_text(json.dumps(dataclasses.asdict(run), separators=(",", ":")) + "\n")
    for name, text in pages(run).items():
        (folder / name).write_text(text)


def recorded(folder=RESULTS):
    """The last run of each form."""
    return [Run(**json.loads(path.read_text())) for path in sorted(folder.glob("*.json"))]


def renewed(run):
    """The same samples, with the titles and targets that the cases have now: how a figure is called and judged is not measured. A case that
    there is no more keeps its own."""
    known = {case.name: {"title": case.title, "targets": [dataclasses.asdict(target) for target in case.targets]} for case in cases.cases()}
    return dataclasses.replace(run, cases=[case | known.get(case["name"], {}) for case in run.cases])


def pages(run):
    """What is made of a run's samples: the page and the charts, by their file names."""
    return {f"{run.form}.md": document(run)} | {f"{run.form}-{name}.svg": drawing for name, drawing in charts.charts(run.cases).items()}
