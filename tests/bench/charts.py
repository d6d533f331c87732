"""Charts of a run as SVG, readable on a light page and on a dark one."""

import re
from html import escape

from figures import digits
from pairs import best_peer, column, middle, ratio

WIDTH, LEFT, RIGHT, BAR, GAP, TOP = 1080, 480, 160, 14, 14, 74
# Where a bar of a multiple ends, so that one that is much longer leaves the others their differences.
MOST_TIMES = 4
STYLE = """text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 16px; font-weight: 600 } .small { font-size: 12px }
.ours { fill: #0969da } .floor { fill: #8c959f } .peer { fill: #bc4c00 } .line { stroke: #8c959f; stroke-dasharray: 3 3 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .ours { fill: #58a6ff } .floor { fill: #6e7681 } .peer { fill: #f0883e } .line { stroke: #6e7681 }
}"""


def chart(title, rows, line=None, most=float("inf")):
    """Bars in groups: rows of (label, [(kind, value, text)]), and a dashed line at a value. A bar ends at `most`, its text says more."""
    longest = min(most, max(value for _, bars in rows for _, value, _ in bars))
    at = lambda value: LEFT + min(1, value / longest) * (WIDTH - LEFT - RIGHT)  # noqa: E731
    parts, y = [], TOP
    for label, bars in rows:
        middle_of_group = y + len(bars) * (BAR + 2) / 2 + 4
        parts.append(f'<text x="{LEFT - 10}" y="{middle_of_group:.0f}" text-anchor="end">{escape(label)}</text>')
        for kind, value, text in bars:
            parts.append(f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{max(1, at(value) - LEFT):.1f}" height="{BAR}" rx="2"/>')
            parts.append(f'<text class="small" x="{at(value) + 6:.1f}" y="{y + 11}">{escape(text)}</text>')
            y += BAR + 2
        y += GAP
    if line is not None:
        parts.append(f'<line class="line" x1="{at(line):.1f}" x2="{at(line):.1f}" y1="{TOP - 8}" y2="{y - GAP + 4}"/>')
    legend = "".join(f'<rect class="{kind}" x="{LEFT + place * 130}" y="42" width="12" height="12" rx="2"/>'
                     f'<text x="{LEFT + 18 + place * 130}" y="53">{name}</text>' for place, (kind, name) in enumerate(kinds(rows)))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" role="img" aria-label="{escape(title)}">\n'
            f"<style>{STYLE}</style>\n<text class=\"title\" x=\"10\" y=\"26\">{escape(title)}</text>\n{legend}\n" + "\n".join(parts) + "\n</svg>\n")


def kinds(rows):
    """The legend: what is in the chart."""
    seen = {kind for _, bars in rows for kind, _, _ in bars}
    return [(kind, name) for kind, name in (("ours", "ours"), ("floor", "floor"), ("peer", "best peer")) if kind in seen]


def named(kind, name, text):
    return text + (f" {name}" if kind == "peer" else "")


def costs(cases):
    """Ours and the best peer as multiples of the floor's CPU time: medians within rounds. Of a full run, the usual cases: all would be too many
    to see anything."""
    rows = []
    for case in (case for case in cases if case.get("usual", True)):
        bars = []
        for kind, name in (("ours", "ours"), ("peer", best_peer(case, "us"))):
            ratios = ratio(case["rounds"], name, "floor", "us") if case["figure"] == "us" else []
            if ratios:
                times = middle(ratios)[0]
                bars.append((kind, times, named(kind, name, f"×{digits(times)}")))
        if bars:
            rows.append((case["title"].replace("`", ""), bars))
    return rows


def lateness(cases):
    """The 99th percentile of the lateness of dates in milliseconds, of ours, the floor and the best peer."""
    rows = []
    for case in cases:
        bars = []
        for kind, name in (("ours", "ours"), ("floor", "floor"), ("peer", best_peer(case))):
            found = column(case["rounds"], name, "late_ms p99") if case["name"].startswith("dates") else []
            if found:
                value = middle(found)[0]
                bars.append((kind, value, named(kind, name, f"{digits(value)} ms")))
        if bars:
            rows.append((case["title"], bars))
    return rows


def scaling(cases):
    """What a date costs in µs, by the number of clients."""
    rows = []
    for case in cases:
        count = re.fullmatch(r"dates-(\d+)k", case["name"])
        bars = []
        for kind, name in (("ours", "ours"), ("floor", "floor"), ("peer", best_peer(case))) if count else ():
            if found := column(case["rounds"], name, "us"):
                value = middle(found)[0]
                bars.append((kind, value, named(kind, name, f"{digits(value)} µs")))
        if bars:
            rows.append((f"{int(count[1]) * 1000:,} clients", bars))
    return rows if len(rows) > 1 else []


def charts(cases):
    """The charts by their file names; one without a row is left out."""
    made = {"cost": (costs(cases), {"title": "CPU time as a multiple of the floor's (dashed)", "line": 1, "most": MOST_TIMES}),
            "scaling": (scaling(cases), {"title": "CPU time for a date, by the number of clients"}),
            "lateness": (lateness(cases), {"title": "How late a date is, 99th percentile"})}
    return {name: chart(rows=rows, **more) for name, (rows, more) in made.items() if rows}
