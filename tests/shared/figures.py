"""Figures in pairs, without and with an engine, and what the table says of them: medians, spreads, ratios."""

import math
from statistics import median


class Pairs:
    """One figure, measured in turn without and with an engine, each pair within seconds."""

    def __init__(self, without=(), given=()):
        self.without, self.given = list(without), list(given)

    def add(self, without, given):
        self.without.append(without)
        self.given.append(given)

    def compare(self, how):
        return [how(without, given) for without, given in zip(self.without, self.given, strict=True)]


def digits(value):
    """A number with about three digits that count: 1,234, 123, 12.3, 1.23, 0.123, 0.0123."""
    places = 0 if value == 0 else max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{places}f}"


def spread(values, unit=""):
    """`median (least to most) unit`."""
    text = digits(median(values))
    if len(values) > 1:
        text += f" ({digits(min(values))} to {digits(max(values))})"
    return f"{text} {unit}".strip()


def row(name, pairs, unit="", scale=1, adds=False):
    """A row: the figure, without, with, and the ratio of each pair; with `adds`, what the engine adds in each pair, too."""
    ratio = "×" + spread(pairs.compare(lambda without, given: given / without))
    if adds:
        ratio += ", +" + spread(pairs.compare(lambda without, given: (given - without) * scale), unit)
    sides = [spread([value * scale for value in side], unit) for side in (pairs.without, pairs.given)]
    return f"| {name} | {sides[0]} | {sides[1]} | {ratio} |"


def only_with(name, values, unit="", scale=1):
    """A row of what there is only with an engine."""
    return f"| {name} | none | {spread([value * scale for value in values], unit)} | |"
