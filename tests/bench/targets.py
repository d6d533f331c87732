"""What a case shall cost, and whether it does."""

import dataclasses

from figures import digits
from pairs import best_peer, column, middle, of_kind, ratio


# What the figures of a sample are called on a page.
WORDS = {"late_ms p99": "lateness p99", "late_ms max": "greatest lateness", "opening_ms max": "longest wait for an opening", "pong_ms max": "longest wait for a Pong",
         "wall_ms": "time"}


@dataclasses.dataclass(frozen=True)
class Target:
    """The most that a figure of ours may be: by another's within the rounds, or by itself."""

    # `floor`, the name of a server, `peer` for the best one, `nginx` for its best settings, or `ours` for the figure by itself.
    beside: str
    most: float
    # A figure of a sample, `late_ms p99` for one within one; without it, the case's.
    figure: str = ""
    unit: str = ""

    def value(self, case):
        """What was measured; None if nothing was."""
        rounds, figure = case["rounds"], self.figure or case["figure"]
        if self.beside == "ours":
            found = column(rounds, "ours", figure)
        else:
            other = self.other(case)
            mine = self.beside.replace("floor", "ours")
            found = ratio(rounds, mine if mine in of_kind(case, "ours") else "ours", other, figure) if other else []
        return middle(found)[0] if found else None

    def other(self, case):
        """Beside whom ours stands: the name of a server; None if no such peer was measured."""
        peers = {"peer": "", "nginx": "nginx"}
        return best_peer(case, self.figure or case["figure"], peers[self.beside]) if self.beside in peers else self.beside

    def told(self, case):
        """The target, and whether it is met. The best peer has a column of its own; which of nginx's settings are its best is said here."""
        value = self.value(case)
        beside = self.other(case) or self.beside if self.beside == "nginx" else self.beside
        limit = f"{digits(self.most)} {self.unit}".strip() if self.beside == "ours" else f"×{digits(self.most)} {beside}"
        what = f"{WORDS[self.figure]}: " if self.figure and self.beside == "ours" else ""
        if value is None:
            return f"{what}≤ {limit}: not measured"
        return f"{what}≤ {limit}: " + ("met" if value <= self.most else f"**missed**, {'' if self.beside == 'ours' else '×'}{digits(value)}")


def targets(case):
    return [Target(**each) for each in case["targets"]]


def missed(case):
    """True if a figure was measured that is above its target."""
    return any((value := each.value(case)) is not None and value > each.most for each in targets(case))
