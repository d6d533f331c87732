"""Many mutants in one build: the program asks at run time which one is made, so that hundreds are compiled once.

What cannot be asked for like this, or does not compile (a `const fn`, `impl Trait`, a borrow), is tried in a build of its own.
"""

from collections import defaultdict

from questions import question

ASK = """
/// Whether the mutant of this number is to be made.
pub(crate) fn mutant_is(number: u32) -> bool {
    static CHOSEN: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    number == *CHOSEN.get_or_init(|| std::env::var("MUTANT").ok().and_then(|text| text.parse().ok()).unwrap_or(0))
}
"""


class Together:
    def __init__(self, mutants, trials):
        self.trials, self.programs = trials, None
        # The root of the crate gets the function that answers.
        self.root = str(trials.folders[trials.stages[0].package].relative_to(trials.copy.folder) / "src/lib.rs")
        self.originals = {file: trials.copy.text(file) for file in {mutant.file for mutant in mutants} | {self.root}}
        lines = {file: text.split("\n") for file, text in self.originals.items()}
        self.texts = {mutant: question(mutant, number, lines[mutant.file]) for number, mutant in enumerate(mutants, 1)}
        self.numbers = {mutant: number for number, mutant in enumerate(mutants, 1) if self.texts[mutant]}

    def build(self):
        """Builds all mutants that compile so; each round drops those that rustc complains of. False if none is left."""
        try:
            while self.numbers:
                places = self.write()
                self.programs, errors = self.trials.build_all(optimised=True)
                if self.programs:
                    self.programs = self.trials.kept(self.programs)
                    if self.trials.run_all(self.programs).kind != "missed":
                        raise SystemExit("the tests fail with the questions, and without a change")
                    return True
                for mutant in {mutant for file, line, column in errors for mutant in blamed(places[file], line, column)}:
                    self.numbers.pop(mutant, None)
                if not errors:
                    return False
        finally:
            for file, text in self.originals.items():
                self.trials.copy.write(file, text)
        return False

    def write(self):
        """Writes the files with the questions in. Returns, for each file, where each inserted text stands: (line, first and last
        column, mutant)."""
        inserted, places = defaultdict(list), defaultdict(list)
        for mutant, number in self.numbers.items():
            for place, rank, text in ranked(self.texts[mutant], number):
                inserted[mutant.file].append((place, rank, text, mutant))
        for file, original in self.originals.items():
            lines, shift, before = original.split("\n"), 0, 0
            for (line, column), _, text, mutant in sorted(inserted[file], key=lambda entry: entry[:2]):
                shift = shift if line == before else 0
                at = column - 1 + shift
                lines[line - 1] = lines[line - 1][:at] + text + lines[line - 1][at:]
                places[file].append((line, at + 1, at + 1 + len(text), mutant))
                shift, before = shift + len(text), line
            self.trials.copy.write(file, "\n".join(lines) + (ASK if file == self.root else ""))
        return places

    def has(self, mutant):
        return self.programs is not None and mutant in self.numbers

    def of(self, mutant):
        return self.trials.run_all(self.programs, mutant, self.numbers[mutant])


def ranked(texts, number):
    """The texts with their order at one place: what ends there closes before anything opens; pairs lie in each other like brackets."""
    if len(texts) == 1:
        return [(*texts[0][:1], (1,), texts[0][1])]
    (start, opening), (end, closing) = texts
    # Of two that begin together, the one that ends later opens first; of two of the same extent, that of the smaller number.
    return [(start, (2, -end[0], -end[1], number), opening), (end, (0, -start[0], -start[1], -number), closing)]


def blamed(places, line, column):
    """The mutants whose text an error is in; else arms below it, without which a `match` is not exhaustive; else what stands last
    before it."""
    inside = [mutant for at, first, last, mutant in places if at == line and first <= column < last]
    arms = [mutant for at, _, _, mutant in places if line < at <= line + 30 and mutant.genre == "MatchArm"]
    nearest = max((at for at, _, _, _ in places if at <= line), default=0)
    return inside or arms or [mutant for at, _, _, mutant in places if at == nearest]
