"""A run: the cases of a form, round by round."""

import dataclasses
import time

from figures import digits
from loads import Broken
from pairs import figure_of, turns
from plan import Plan

ROUNDS = {"quick": 3, "usual": 9, "full": 9}


class OutOfTime(Exception):
    """What was measured is kept; the next run goes on there."""


class Bench:
    """Measures cases. With `kept`, it goes on behind the rounds that are there; with `seconds`, it begins no round after so many."""

    def __init__(self, form, rounds, lab, kept=None, seconds=None):
        self.form, self.rounds, self.lab, self.kept, self.seconds = form, rounds or ROUNDS[form], lab, kept, seconds
        self.begin = time.monotonic()

    def elapsed(self):
        return time.monotonic() - self.begin

    def say(self, text):
        print(f"[{self.elapsed():4.0f} s] {text}", flush=True)

    def run(self, wanted):
        """The results of all cases, in their order.

        Raises OutOfTime."""
        so_far = {case.name: self.rounds_so_far(case) for case in wanted}
        plan = Plan({case.name: (self.seconds_of(case), self.rounds_of(case) - len(so_far[case.name])) for case in wanted})
        if finished := len(wanted) - plan.cases():
            self.say(f"cases that are measured already: {finished}")
        self.say(plan.told())
        measured = []
        for case in wanted:
            before = plan.cases()
            measured.append(self.measure(case, so_far[case.name], plan))
            if plan.cases() < before:
                self.say(plan.told())
        return measured

    def rounds_of(self, case):
        return min(self.rounds, case.rounds)

    def rounds_so_far(self, case):
        """Those that another run has kept."""
        return self.kept.read(case.name, [server.name for server in self.present(case)[0]])[:self.rounds_of(case)] if self.kept else []

    def seconds_of(self, case):
        """About how many a round takes."""
        return self.load_of(case).takes * len(self.present(case)[0])

    def load_of(self, case):
        return case.quick if self.form == "quick" and case.quick else case.load

    def present(self, case):
        """The servers that can run here, and why the others cannot. All peers have their turn in the full form only."""
        servers, absent = [], {}
        for server in case.servers:
            if server.only_full and self.form != "full":
                continue
            if why := server.missing(self.lab):
                absent[server.name] = why
            elif server.kind != "peer" or self.form == "full" or not any(other.kind == "peer" for other in servers):
                servers.append(server)
        return servers, absent

    def measure(self, case, rounds, plan):
        """All rounds of a case behind those that are there, and what was in force."""
        servers, absent = self.present(case)
        for name, why in absent.items():
            self.say(f"NOT RUN {case.name}, {name}: {why}")
        for number in range(len(rounds), self.rounds_of(case)):
            if self.seconds and self.elapsed() > self.seconds:
                raise OutOfTime(plan.told())
            begin = self.elapsed()
            rounds.append(self.round(case, servers, number))
            plan.round_ended(case.name, self.elapsed() - begin)
            if self.kept:
                self.kept.write(case.name, [server.name for server in servers], rounds)
        return {"name": case.name, "title": case.title, "group": case.group, "figure": case.figure, "unit": case.unit, "usual": case.usual, "rounds": rounds,
                "absent": absent, "targets": [dataclasses.asdict(target) for target in case.targets],
                "servers": [{"name": server.name, "kind": server.kind, **server.in_force(self.lab)} for server in servers]}

    def round(self, case, servers, number):
        """The samples of all servers, one after the other, by their names."""
        samples = {}
        for server in turns(servers, number):
            try:
                samples[server.name] = self.load_of(case).sample(self.lab, server)
            except (Broken, AssertionError) as problem:
                self.say(f"NOT MEASURED {case.name}, {server.name}: {str(problem)[:300]}")
        told = ", ".join(f"{name} {digits(figure_of(sample, case.figure))}" for name, sample in samples.items())
        self.say(f"{case.name}, round {number + 1} of {self.rounds_of(case)}, {case.unit}: {told}")
        return samples
