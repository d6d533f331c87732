"""The table and the JSON of a run."""

import dataclasses
import datetime
import json

import charts
import measured_on
from figures import digits
from lab import HERE
from pairs import best, column, middle, ratio

RESULTS = HERE / "results"
HEAD = "| work | unit | ours | floor | ours / floor | best peer | | ours / peer | lateness p50 / p99 / worst, ms: ours | peer |\n|---|---|---|---|---|---|---|---|---|---|\n"


@dataclasses.dataclass(frozen=True)
class Run:
    """What a table is made of."""

    form: str
    rounds: int
    load_before: float
    load_after: float
    cases: list


def spread(values, sign=""):
    """`median (quartile to quartile)`, or nothing where nothing was measured."""
    if not values:
        return ""
    mid, low, high = middle(values)
    return f"{sign}{digits(mid)} ({digits(low)} to {digits(high)})"


def names(case, kind):
    return [server["name"] for server in case["servers"] if server["kind"] == kind]


def late(case, name):
    """The median of each figure of the lateness, where messages have one."""
    found = [sample["late_ms"] for sample in (entry.get(name, {}) for entry in case["rounds"]) if "late_ms" in sample]
    if not found:
        return ""
    return " / ".join(digits(middle([one[figure] for one in found])[0]) for figure in ("p50", "p99", "max"))


def faults(case, name):
    """The share of exchanges that failed, where one did."""
    share = max((value for value in column(case["rounds"], name, "faults")), default=0)
    return f", of which up to {share:.1%} failed" if share else ""


def row(case):
    rounds, figure = case["rounds"], case["figure"]
    floors, peer = names(case, "floor"), best(rounds, names(case, "peer"), figure)
    values = lambda name: spread(column(rounds, name, figure)) if name else ""  # noqa: E731
    ratios = lambda name: spread(ratio(rounds, "ours", name, figure), "×") if name else ""  # noqa: E731
    cells = [case["title"], case["unit"], values("ours"), "<br>".join(f"{name[7:]} {values(name)}".strip() for name in floors),
             "<br>".join(f"{name[7:]} {ratios(name)}".strip() for name in floors), peer or "none", values(peer) + (faults(case, peer) if peer else ""),
             ratios(peer), late(case, "ours"), late(case, peer) if peer else ""]
    return f"| {' | '.join(cells)} |\n"


def others(case):
    """A line for each peer that is not the best one, and for those that could not run."""
    peers = names(case, "peer")
    top = best(case["rounds"], peers, case["figure"])
    lines = [f"- {case['title']}: {name} {spread(column(case['rounds'], name, case['figure']))} {case['unit']}, "
             f"ours / it {spread(ratio(case['rounds'], 'ours', name, case['figure']), '×')}{faults(case, name)}\n" for name in peers if name != top and column(case["rounds"], name, case["figure"])]
    return lines + [f"- {case['title']}: **{name} is absent**: {why}\n" for name, why in case["absent"].items()]


def in_force(case):
    """What each server was started with."""
    return [f"- {case['name']}, {server['name']}: `{server['in force'].splitlines()[0]}`\n" for server in case["servers"]]


def document(run):
    """The whole document."""
    rest = "".join(line for case in run.cases for line in others(case))
    return f"""# What things cost, beside the floor and the peers

{datetime.date.today()}: {measured_on.system()}, {measured_on.build()} of {measured_on.commit()}. The {run.form} form of `make bench`: {run.rounds} rounds. The machine's load
average was {run.load_before:.1f} when it began and {run.load_after:.1f} when it ended.

A figure is the time of the processor that a server's threads took for a unit of work (schedstat), the median of the rounds with its quartiles. A server has one core and one worker,
the load generator the other core, and never sleeps while it measures: else a server pays for waking it, which no client on another machine costs it. **The ratios are the claim**: each is taken within a round, in which the servers have their turn one after the other. A floor is a bare loop of system
calls in C for the same job (`tests/bench/floors/`). Lateness: of dates, by how much the pause before one was too long; of lines, the time since the line was written.

{"".join(f"![{name}]({run.form}-{name}.svg){chr(10)}{chr(10)}" for name in charts.charts(run.cases))}{HEAD}{"".join(row(case) for case in run.cases)}
{"The other peers:" if rest else "There were no other peers."}

{rest}
## What was in force

{"".join(line for case in run.cases for line in in_force(case))}"""


def record(run):
    """Writes the table, the charts and all samples into results/, under the form's name."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{run.form}.md").write_text(document(run))
    (RESULTS / f"{run.form}.json").write_text(json.dumps({"date": str(datetime.date.today()), **dataclasses.asdict(run)}, separators=(",", ":")) + "\n")
    for name, drawing in charts.charts(run.cases).items():
        (RESULTS / f"{run.form}-{name}.svg").write_text(drawing)
