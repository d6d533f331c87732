"""The page and the JSON of a run."""

import dataclasses
import json

import charts
from figures import digits
from lab import HERE
from pairs import best_peer, column, middle, of_kind, ratio
from reasons import REASONS
from targets import missed, targets

RESULTS = HERE / "results"


def beside(title, figure):
    """Columns with another figure of ours, the first floor and the best peer."""
    return {f"{title}: ours": lambda case: one(case, "ours", figure),
            "floor": lambda case: one(case, "floor", figure),
            "peer": lambda case: one(case, best_peer(case), figure)}


# The tables, and what they have beside the costs: the head of a column, and its cell.
GROUPS = {
    "messages": ("Dates and lines", "For each message to each client.", {
        "lateness p50 / p99 / worst, ms: ours": lambda case: spread_of(case, "ours", "late_ms"),
        "floor": lambda case: spread_of(case, "floor", "late_ms"),
        "peer": lambda case: spread_of(case, best_peer(case), "late_ms"),
        "bytes: ours": lambda case: one(case, "ours", "bytes"),
        "peer ": lambda case: one(case, best_peer(case), "bytes")}),
    "exchanges": ("Connections and requests", "For each connection, request or echo, 64 at a time.", {
        "wait p50 / p99 / worst, ms: ours": lambda case: spread_of(case, "ours", "wait_ms"),
        "peer": lambda case: spread_of(case, best_peer(case), "wait_ms")}),
    "memory": ("Memory", "In the process, for each connection; the kernel's is for both ends of one, as they are on one machine.", beside("kernel", "kernel")),
    "starts": ("The start", "From the fork until a connection is accepted.", beside("CPU µs", "us")),
    "build": ("The build", "A clean release build of all programs on all cores, from sources that were fetched before.", {
        "CPU s": lambda case: one(case, "ours", "cpu_s"),
        "crates": lambda case: one(case, "ours", "crates")}),
    "idle": ("Doing nothing", "How often it wakes up in a second.", beside("CPU µs a second", "us")),
}


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


def spread(values, sign=""):
    """`median (quartile to quartile)`, or nothing where nothing was measured."""
    if not values:
        return ""
    mid, low, high = middle(values)
    return f"{sign}{digits(mid)} ({digits(low)} to {digits(high)})"


def one(case, name, figure):
    """The median of a figure, where there is one."""
    found = column(case["rounds"], name, figure)
    return digits(middle(found)[0]) if found else ""


def spread_of(case, name, figure):
    """The medians of what a spread has."""
    return " / ".join(filter(None, (one(case, name, f"{figure} {part}") for part in ("p50", "p99", "max"))))


def faults(case, name):
    """The share of exchanges that failed, where one did."""
    share = max(column(case["rounds"], name, "faults"), default=0)
    return f", of which up to {share:.1%} failed" if share else ""


def by_floor(case, cell):
    """A cell for each floor; ours beside it is on a listener of the same kind."""
    own = of_kind(case, "ours")
    found = []
    for name in of_kind(case, "floor"):
        mine = name.replace("floor", "ours")
        found.append(f"{name[7:]} {cell(mine if mine in own else 'ours', name)}".strip())
    return "<br>".join(found)


def row(case):
    rounds, figure, peer = case["rounds"], case["figure"], best_peer(case)
    values = lambda name: spread(column(rounds, name, figure)) if name else ""  # noqa: E731
    ratios = lambda mine, name: spread(ratio(rounds, mine, name, figure), "×") if name else ""  # noqa: E731
    own = "<br>".join(f"{name[6:]} {values(name)}".strip() for name in of_kind(case, "ours"))
    told = "<br>".join(each.told(case) for each in targets(case))
    cells = [case["title"], case["unit"], own, by_floor(case, lambda _, name: values(name)), by_floor(case, ratios), peer or "none",
             values(peer) + (faults(case, peer) if peer else ""), ratios("ours", peer), told, *(cell(case) for cell in GROUPS[case["group"]][2].values())]
    return f"| {' | '.join(cells)} |\n"


def table(group, cases):
    """One of the tables; nothing if none of its cases was measured."""
    title, text, more = GROUPS[group]
    rows = [row(case) for case in cases if case["group"] == group]
    heads = ["work", "unit", "ours", "floor", "ours / floor", "best peer", "", "ours / peer", "target", *more]
    lines = f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|\n"
    return f"## {title}\n\n{text}\n\n{lines}{''.join(rows)}\n" if rows else ""


def reasons(cases):
    """Why targets are missed."""
    lines = [f"- {case['title']}: {REASONS.get(case['name'], 'the reason is not known.')}\n" for case in cases if missed(case)]
    return f"## Where a target is missed\n\n{''.join(lines)}\n" if lines else ""


def newcomers(case):
    """How long newcomers waited while messages went out."""
    told = [f"{name}: an opening handshake {spread_of(case, name, 'opening_ms')} ms, a Pong {spread_of(case, name, 'pong_ms')} ms"
            for name in (server["name"] for server in case["servers"]) if one(case, name, "opening_ms max")]
    return [f"- {case['title']}, how long newcomers wait meanwhile, p50 / p99 / worst: {'; '.join(told)}\n"] if told else []


def others(case):
    """A line for each peer that is not the best one, and for those that could not run."""
    peers = of_kind(case, "peer")
    lines = [f"- {case['title']}: {name} {spread(column(case['rounds'], name, case['figure']))} {case['unit']}, "
             f"ours / it {spread(ratio(case['rounds'], 'ours', name, case['figure']), '×')}{faults(case, name)}\n"
             for name in peers if name != best_peer(case) and column(case["rounds"], name, case["figure"])]
    return lines + [f"- {case['title']}: **{name} is absent**: {why}\n" for name, why in case["absent"].items()]


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


def document(run):
    """The whole page."""
    pictures = "".join(f"![{name}]({run.form}-{name}.svg)\n\n" for name in charts.charts(run.cases))
    return f"""# What things cost, beside the floor and the peers

{run.date}: {run.system}, {run.build} of {run.commit}. The {run.form} form of `make bench`: {run.rounds} rounds, of some cases fewer. The
machine's load average was {run.load_before:.1f} when it began and {run.load_after:.1f} when it ended.

A cost is the time of the processor that a server's threads took for a unit of work (schedstat), the median of the rounds with its quartiles. A server has one core and one worker, the load generator the
other core, and never sleeps while it measures: else a server pays for waking it, which no client on another machine costs it. **The ratios are the claim**: each is taken within a round, in which the
servers have their turn one after the other. A floor is a bare loop of system calls in C for the same job (`tests/bench/floors/`). Lateness: of dates, by how much the pause before one was too long; of
lines, the time since the line was written. The floor of lines writes what it has read at once in one write to each client, as ours does; with "64 KiB at a time" it waits until there are so many, which
is the least that the bytes can cost, and as late as the table says.

{pictures}{"".join(table(group, run.cases) for group in GROUPS)}{reasons(run.cases)}{section("Newcomers", [line for case in run.cases for line in newcomers(case)])}{
        section("The other peers", [line for case in run.cases for line in others(case)])}nginx's stream module answers without reading the request. The kernel then ends a connection with a reset, as
bytes were left unread, and a client may lose the answer with it: that is the share that failed. With `ssl_preread` it has read the request, as ours has, before it answers ("reading").

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


def pages(run):
    """What is made of a run's samples: the page and the charts, by their file names."""
    return {f"{run.form}.md": document(run)} | {f"{run.form}-{name}.svg": drawing for name, drawing in charts.charts(run.cases).items()}
