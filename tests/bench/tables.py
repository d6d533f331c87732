"""The tables of a page, and the lines below them."""

from figures import digits
from pairs import best_peer, column, middle, of_kind, ratio
from reasons import REASONS
from targets import missed, targets


def beside(title, figure):
    """Columns with another figure of ours, the first floor and the best peer."""
    return {f"{title}: ours": lambda case: one(case, "ours", figure),
            "floor": lambda case: one(case, "floor", figure),
            "peer": lambda case: one(case, best_peer(case), figure)}


MEMORY = ("In the process, for each connection; the kernel's is for both ends of one, as they are on one machine. Of a WebSocket's bytes 88 are the socket with its queue and its place in lists, and 120 "
          "what it speaks and how far it is in the stream (tests hold both to these sizes); the others are its entries among the deadlines, the dates and those who may have to make room, and the table's "
          "spare places.")

# The tables, and what they have beside the costs: the head of a column, and its cell.
GROUPS = {
    "messages": ("Dates and lines", "For each message to each client.", {
        "lateness p50 / p99 / worst, ms: ours": lambda case: spread_of(case, "ours", "late_ms"),
        "floor": lambda case: spread_of(case, "floor", "late_ms"),
        "peer": lambda case: spread_of(case, best_peer(case), "late_ms"),
        "of a connection: p99 of the middle / worst one, greatest p50, ms": lambda case: each_of(case),
        "bytes: ours": lambda case: one(case, "ours", "bytes"),
        "peer ": lambda case: one(case, best_peer(case), "bytes")}),
    "exchanges": ("Connections and requests", "For each connection, request or echo, 64 at a time.", {
        "wait p50 / p99 / worst, ms: ours": lambda case: spread_of(case, "ours", "wait_ms"),
        "peer": lambda case: spread_of(case, best_peer(case), "wait_ms")}),
    "memory": ("Memory", MEMORY, beside("kernel", "kernel")),
    "starts": ("The start", "From the fork until a connection is accepted.", beside("CPU µs", "us")),
    "build": ("The build", "A clean release build of all programs on all cores, from sources that were fetched before.", {
        "CPU s": lambda case: one(case, "ours", "cpu_s"),
        "crates": lambda case: one(case, "ours", "crates")}),
    "idle": ("Doing nothing", "How often it wakes up in a second.", beside("CPU µs a second", "us")),
}


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


def each_of(case):
    """How late the messages of single connections were, of ours, the first floor and the best peer; nothing of samples that do not know it."""
    told = {name: " / ".join(filter(None, (one(case, name, f"late_each_ms {part}") for part in ("typical", "worst", "always")))) for name in ("ours", "floor", best_peer(case))}
    return "<br>".join(f"{name} {figures}" for name, figures in told.items() if figures)


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
    return f"## Where a target is missed\n\nFor which source files ours takes its instructions: [profile.md](profile.md).\n\n{''.join(lines)}\n" if lines else ""


def newcomers(cases):
    """A line for each case in which newcomers came while messages went out: how long they waited."""
    lines = []
    for case in cases:
        told = [f"{server['name']}: " + ", ".join(f"{what} {waits} ms" for what, waits in waits_of(case, server["name"]).items())
                for server in case["servers"] if waits_of(case, server["name"])]
        quiet = spread_of(case, "ours", "quiet_ms")
        if told:
            lines.append(f"- {case['title']}, how long newcomers wait meanwhile, p50 / p99 / worst: {'; '.join(told)}{quiet and f'. Before they came, lines were late by {quiet} ms'}\n")
    return lines


def waits_of(case, name):
    """What newcomers waited for at a server, and the spread of these waits; without those that were not measured."""
    waits = {"an opening handshake": spread_of(case, name, "opening_ms"), "a Pong": spread_of(case, name, "pong_ms"),
             "the history with what came meanwhile": spread_of(case, name, "history_ms")}
    return {what: spread for what, spread in waits.items() if spread}


def others(cases):
    """A line for each peer that is not the best one of its case, and for those that could not run."""
    return [line for case in cases for line in others_of(case)]


def others_of(case):
    peers = of_kind(case, "peer")
    lines = [f"- {case['title']}: {name} {spread(column(case['rounds'], name, case['figure']))} {case['unit']}, "
             f"ours / it {spread(ratio(case['rounds'], 'ours', name, case['figure']), '×')}{faults(case, name)}\n"
             for name in peers if name != best_peer(case) and column(case["rounds"], name, case["figure"])]
    lines += [f"- {case['title']}: **{name} has no figure**: in no round did it do what it is measured for\n"
              for name in peers if not column(case["rounds"], name, case["figure"])]
    return lines + [f"- {case['title']}: **{name} is absent**: {why}\n" for name, why in case["absent"].items()]
