"""A change as a question that the program asks at run time, put into the text around what is there:

    fn f() -> u8 { body }              fn f() -> u8 { if crate::mutant_is(7) { return 0; } body }
    X if guard => …                    X if (crate::mutant_is(8) || (guard)) => …
    X => …                             X if !crate::mutant_is(9) => …                           an arm that is deleted
    if a == b {                        if (if crate::mutant_is(10) { a != b } else { a == b }) {
"""

import re

# What ends an expression on each side, if it stands outside brackets of its own; and what this reader leaves to a build of its own.
OPENERS, CLOSERS = "([{", ")]}"
WORDS = re.compile(r"\b(if|while|match|return|in|else)\s+$")
LEFT_OUT = re.compile(r"\blet\b|\.\.|(?<!\|)\|(?!\|)|\bmove\b|=>|\bif\b|\bmatch\b|\bbreak\b|\"|'[\[\](){},;]'")
ASSIGNMENT = re.compile(r"(?<![=!<>+\-*/%&|^])=(?![=>])")


def question(mutant, number, lines):
    """The texts to insert, as (place, text); one opens at mutant's place, a second one closes. Empty where a question cannot be put."""
    ask = f"crate::mutant_is({number})"
    if mutant.genre == "FnValue":
        return [(mutant.start, f"if {ask} {{ return {mutant.replacement}; }} ")]
    if mutant.genre == "MatchArmGuard":
        return [(mutant.start, f"({ask} || (" if mutant.replacement == "true" else f"(!{ask} && ("), (mutant.end, "))")]
    if mutant.genre == "MatchArm":
        return arm(mutant, ask, lines)
    if mutant.genre in ("BinaryOperator", "UnaryOperator"):
        return operator(mutant, ask, lines)
    return []


def arm(mutant, ask, lines):
    line, column = mutant.start
    text = lines[line - 1][column - 1 :]
    head, arrow, _ = text.partition(" =>")
    if not arrow or '"' in head:
        return []
    pattern, guard, _ = head.partition(" if ")
    if guard:
        return [((line, column + len(pattern) + len(guard)), f"(!{ask} && ("), ((line, column + len(head)), "))")]
    return [((line, column + len(head)), f" if !{ask}")]


def operator(mutant, ask, lines):
    (line, first), (last_line, last) = mutant.start, mutant.end
    text = lines[line - 1]
    extent = expression(text, first - 1, last - 1) if line == last_line else None
    if not extent:
        return []
    start, end = extent
    changed = text[start : first - 1] + mutant.replacement + text[last - 1 : end]
    return [((line, start + 1), f"(if {ask} {{ {changed} }} else {{ "), ((line, end + 1), " })")]


def expression(text, first, last):
    """Where the whole expression around an operator begins and ends in its line; None if it is not plain to see."""
    start, depth = first, 0
    while start > 0:
        char = text[start - 1]
        depth += (char in CLOSERS) - (char in OPENERS)
        if depth < 0 or (depth == 0 and (char in ",;}" or text.startswith(": ", start - 1) or ASSIGNMENT.match(text, start - 1) or WORDS.search(text[:start]))):
            break
        start -= 1
    end, depth = last, 0
    while end < len(text):
        char = text[end]
        if depth == 0 and (char in CLOSERS + ",;{" or text.startswith("=>", end)):
            break
        depth += (char in OPENERS) - (char in CLOSERS)
        end += 1
    if end == len(text) or depth:
        # It may go on in the next line.
        return None
    start += len(text[start:first]) - len(text[start:first].lstrip())
    end -= len(text[last:end]) - len(text[last:end].rstrip())
    before = text[:start].rstrip()
    whole = text[start:end]
    # A line that begins with an operator goes on from the one before; behind a bar stands a closure.
    goes_on = not before and whole[0] in ".?&|+-*/%=<>^"
    chained = re.search(r"\b(if|while) let\b", before)
    return None if goes_on or chained or before.endswith("|") or LEFT_OUT.search(whole) else (start, end)
