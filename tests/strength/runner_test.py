"""The runner of the mutants itself: `python3 -m unittest tests/strength/runner_test.py`."""

import signal
import sys
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from ledger import Ledger
from listing import Mutant, key_of, sample
from questions import expression, question
from together import ranked
from trial import Outcome, module_of, outcome_of


def mutant(name, start=(1, 1), end=(1, 2), replacement="x"):
    return Mutant(name, "", "a.rs", start, end, replacement, key=name)


class Runner(unittest.TestCase):
    def test_a_change_replaces_exactly_its_characters(self):
        text = "fn a() {\n    é == b;\n}\nlast"
        self.assertEqual(mutant("op", (2, 7), (2, 9), "!=").applied(text), "fn a() {\n    é != b;\n}\nlast")
        self.assertEqual(mutant("body", (1, 8), (3, 2), "{}").applied(text), "fn a() {}\nlast")

    def test_a_mutant_stays_the_same_when_its_function_moves_and_not_when_it_changes(self):
        def entry(line, before, replacement="!="):
            return {"file": "a.rs", "function": {"function_name": "f", "span": {"start": {"line": line}}}, "replacement": replacement,
                    "span": {"start": {"line": line + 1, "column": 7}}, "diff": f"--- a\n+++ b\n@@ {line} @@\n {before}\n-==\n+!="}

        self.assertEqual(key_of(entry(1, "let a")), key_of(entry(9, "let a")))
        self.assertNotEqual(key_of(entry(1, "let a")), key_of(entry(1, "let b")))
        self.assertNotEqual(key_of(entry(1, "let a")), key_of(entry(1, "let a", "<=")))

    def test_a_sample_depends_on_its_seed_only(self):
        mutants = [mutant(str(number)) for number in range(100)]
        self.assertEqual(sample(mutants, 10, 1), sample(mutants[::-1], 10, 1))
        self.assertNotEqual(sample(mutants, 10, 1), sample(mutants, 10, 2))
        self.assertEqual(sample(mutants, 10, 1), sample(mutants, 0, 1)[:10])
        # One more or less costs the sample one at most.
        self.assertLessEqual(len(set(sample(mutants, 10, 1)) - set(sample(mutants[1:], 10, 1))), 1)

    def test_a_question_is_put_around_the_whole_expression_of_an_operator(self):
        for line, operator, whole in [
            ("    if a.b(c, d) == e && !f {", "==", "a.b(c, d) == e && !f"),
            ("    let left = frame.len - frame.taken;", "-", "frame.len - frame.taken"),
            ("        (thousandths <= 1000).then_some(x)", "<=", "thousandths <= 1000"),
            ("    Ok(Complete { value, len: 16 + len })", "+", "16 + len"),
            ("    self.lines += 1;", "+=", "self.lines += 1"),
            ("        Some(len) if len == bytes.len() => {}", "==", "len == bytes.len()"),
            ("    return a || b;", "||", "a || b"),
            ("    let f = |x| x == 3;", "==", "x == 3"),
            ("    if text.starts_with('[') && a > b {", "&&", "text.starts_with('[') && a > b"),
            ('    x.any(|y| "a,".has(y)) && b == c;', "==", 'x.any(|y| "a,".has(y)) && b == c'),
            ("        A | B => (size << 4) | 1,", "<<", "size << 4"),
            ("        A | B => size << 4 | 1,", "<<", "size << 4 | 1"),
            # What is not plain to see is left to a build of its own.
            ("        && a == b)", "==", None),
            ("    a == b", "==", None),
            ("    if let Some(x) = y && x == 3 {", "==", None),
        ]:
            first = line.index(operator)
            extent = expression(line, first, first + len(operator))
            self.assertEqual(extent and line[extent[0] : extent[1]], whole, line)
        self.assertEqual(expression("    a == b", 6, 8, "}"), (4, 10))

    def test_an_arm_is_deleted_by_a_guard_beside_its_own(self):
        def asked(line):
            for (_, column), text in reversed(question(replace(mutant(""), genre="MatchArm"), 7, [line])):
                line = line[: column - 1] + text + line[column - 1 :]
            return line

        self.assertEqual(asked("A | B => x,"), "A | B if !crate::mutant_is(7) => x,")
        self.assertEqual(asked("A if b => x,"), "A if (!crate::mutant_is(7) && (b)) => x,")

    def test_questions_at_one_place_lie_in_each_other_like_brackets(self):
        outer, inner = [((1, 1), "(a "), ((1, 9), ")a")], [((1, 1), "(b "), ((1, 5), ")b")]
        same = [((1, 1), "(c "), ((1, 9), ")c")]
        entries = sorted(entry for number, texts in enumerate((inner, outer, same), 1) for entry in ranked(texts, number))
        self.assertEqual("".join(text for _, _, text in entries), "(a (c (b )b)c)a")

    def test_the_tests_nearest_to_a_file_are_those_of_its_outermost_module(self):
        self.assertEqual([module_of("common/src/http/date.rs"), module_of("common/src/id.rs")], ["http", "id"])

    def test_what_has_no_end_is_no_catch_unless_a_test_had_failed_before(self):
        failed = "test a ... ok\ntest b ... FAILED\ntest c ... "
        self.assertEqual(outcome_of(0, "test a ... ok\n").kind, "missed")
        self.assertEqual(outcome_of(101, failed), Outcome("caught", ("b",)))
        self.assertEqual(outcome_of(-signal.SIGXCPU, failed).kind, "caught")
        self.assertEqual(outcome_of(-signal.SIGXCPU, "test a ... ok\ntest b ... ").kind, "hung")
        self.assertEqual(outcome_of(-signal.SIGABRT, "memory allocation of 9 bytes failed").kind, "hung")

    def test_a_run_that_was_cut_off_goes_on_where_it_ended(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "a.jsonl"
            first = Ledger(path)
            for name, kind in (("a", "caught"), ("b", "missed"), ("c", "hung")):
                first.add(mutant(name), Outcome(kind))
            second = Ledger(path)
            self.assertEqual([second.wants(mutant(name), again=False) for name in "abcd"], [False, False, False, True])
            self.assertEqual([second.wants(mutant(name), again=True) for name in "abcd"], [False, True, True, True])


if __name__ == "__main__":
    unittest.main()
