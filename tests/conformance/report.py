"""report.py DIR: evaluates what Autobahn's fuzzing client wrote to DIR, and writes docs/conformance.md."""

import collections
import datetime
import json
import re
import sys

out = sys.argv[1]
CATEGORIES = {
    "1": "framing", "2": "pings and pongs", "3": "reserved bits", "4": "opcodes", "5": "fragmentation",
    "6": "UTF-8", "7": "closing handshake", "9": "limits and performance", "10": "automatic fragmentation",
}
BEHAVIOURS = ["OK", "NON-STRICT", "INFORMATIONAL", "FAILED"]

wanted = int(re.search(r"will run (\d+) test cases", open(f"{out}/suite.log", errors="replace").read()).group(1))
results = json.load(open(f"{out}/index.json"))["ws-server"]
rows, faults = collections.defaultdict(collections.Counter), []
for case, result in sorted(results.items(), key=lambda item: [int(part) for part in item[0].split(".")]):
    category, behaviour, closing = case.split(".")[0], result["behavior"], result["behaviorClose"]
    rows[category][behaviour] += 1
    strict = category != "6" or behaviour == "OK"
    if behaviour not in ("OK", "NON-STRICT", "INFORMATIONAL") or not strict or closing in ("FAILED", "WRONG CODE", "UNCLEAN"):
        faults.append(f"{case}: {behaviour}, closing {closing}")
if len(results) != wanted:
    faults.append(f"{len(results)} of {wanted} cases gave a result")

total = sum(rows.values(), collections.Counter())
lines = [
    "# Conformance", "",
    "Autobahn's WebSocket test suite (25.10.1, fuzzing client) against the release build of ws-server. `make conformance` runs it and writes",
    f"this page; it was last run on {datetime.date.today():%Y-%m-%d}. Cases 12.* and 13.* test compression, which ws-server does not negotiate; there is",
    "no 8.* or 11.*.", "",
    "| cases | what | " + " | ".join(b.lower() for b in BEHAVIOURS) + " |", "|---|---|" + "---:|" * len(BEHAVIOURS),
]
for category, name in CATEGORIES.items():
    counts = rows[category]
    lines.append(f"| {category}.* | {name} | " + " | ".join(str(counts[b]) for b in BEHAVIOURS) + " |")
lines.append(f"| all | | " + " | ".join(str(total[b]) for b in BEHAVIOURS) + " |")
lenient = [case for case, result in results.items() if result["behavior"] == "NON-STRICT"]
lines += ["", f"Non-strict: {', '.join(sorted(lenient)) or 'none'}." + (f" Faults: {'; '.join(faults)}." if faults else ""), "",
          "The options that differ from the defaults, as `--print-config` prints them:", "", "```toml",
          open(f"{out}/configuration.toml").read().strip(), "```", ""]
open("docs/conformance.md", "w").write("\n".join(lines))

print(f"autobahn: {', '.join(f'{total[b]} {b.lower()}' for b in BEHAVIOURS)}, of {wanted} cases")
for fault in faults:
    print(f"FAULT {fault}")
sys.exit(1 if faults else 0)
