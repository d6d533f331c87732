"""What was tried: a line of JSON each, so that a run that is cut off loses nothing."""

import json
from collections import Counter

GOAL = 90


class Ledger:
    def __init__(self, path):
        self.path, self.known = path, {}
        path.parent.mkdir(parents=True, exist_ok=True)
        for line in path.read_text().splitlines() if path.exists() else ():
            entry = json.loads(line)
            self.known[entry["key"]] = entry

    def wants(self, mutant, again):
        entry = self.known.get(mutant.key)
        return entry is None or (again and entry["kind"] in ("missed", "hung"))

    def add(self, mutant, outcome):
        entry = {"key": mutant.key, "kind": outcome.kind, "name": mutant.name, "by": outcome.by}
        self.known[mutant.key] = entry
        with self.path.open("a") as file:
            file.write(json.dumps(entry) + "\n")

    def report(self, package, chosen, there_are, left_out, seed):
        """Prints the figures; 1 if too few were caught."""
        tried = [(mutant, self.known[mutant.key]) for mutant in chosen if mutant.key in self.known]
        counts = Counter(entry["kind"] for _, entry in tried)
        for kind in ("missed", "hung"):
            for name in sorted(mutant.name for mutant, entry in tried if entry["kind"] == kind):
                print(f"{kind:8} {name}")
        if len(tried) < len(chosen):
            for genre in sorted({mutant.genre for mutant in chosen}):
                kinds = Counter(entry["kind"] for mutant, entry in tried if mutant.genre == genre)
                print(f"  {genre}: {kinds['caught']} caught, {kinds['missed']} missed, {kinds['hung']} hung, "
                      f"{sum(kinds.values())} tried of {sum(mutant.genre == genre for mutant in chosen)}")
        judged = counts["caught"] + counts["missed"]
        share = 100 * counts["caught"] / judged if judged else 0
        print(f"{package}: {counts['caught']} caught, {counts['missed']} missed ({share:.1f} % caught), {counts['hung']} hung, "
              f"{counts['unbuilt']} do not compile; {len(tried)} tried of {len(chosen)} chosen (seed {seed}) of {there_are}; "
              f"{left_out} more change nothing (tests/strength/mutants.toml)")
        return 0 if share >= GOAL else 1
