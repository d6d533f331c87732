"""A change as a question that the program asks at run time, put into the text around what is there:

    fn f() -> u8 { body }              fn f() -> u8 { if crate::mutant_is(7) { return 0; } body }
    X if guard => …                    X if (crate::mutant_is(8) || (guard)) => …
    X => …                             X if !crate::mutant_is(9) => …                           an arm that is deleted
    if a == b {                        if (if crate::mutant_is(10) { a != b } else { a == b }) {
"""

import re

# What ends an expression on each side, if it stands outside brackets of its own.
OPENERS, CLOSERS = "([{", ")]}"
BEFORE = re.compile(r"(\b(if|while|match|return|in|else)\s+|=>\s*|[(,=]\s*(move )?\|[^|]+\|\s*)$")
ASSIGNMENT = re.compile(r"(?<![=!<>+\-*/%&|^])=(?![=>])")
# What is left to a build of its own.
LEFT_OUT = re.compile(r"\blet\b|\.\.|\bmove\b|=>|\bif\b|\bmatch\b|\bbreak\b|^\|")
LITERAL = re.compile(r"""b?"(\\.|[^"\\])*"|b?'(\\.[^']*|[^'\\])'""")


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
    text, after = lines[line - 1], lines[line] if line < len(lines) else ""
    extent = expression(text, first - 1, last - 1, after) if line == last_line else None
    if not extent:
        return []
    start, end = extent
    changed = text[start : first - 1] + mutant.replacement + text[last - 1 : end]
    return [((line, start + 1), f"(if {ask} {{ {changed} }} else {{ "), ((line, end + 1), " })")]


def expression(line, first, last, after=""):
    """Where the whole expression around an operator begins and ends in its line; None if it is not plain to see. `after` is the next
    line."""
    text = LITERAL.sub(lambda literal: "_" * len(literal[0]), line)
    start, depth = first, 0
    while start > 0:
        char = text[start - 1]
        depth += (char in CLOSERS) - (char in OPENERS)
        if depth < 0 or (depth == 0 and (char in ",;}" or text.startswith(": ", start - 1) or ASSIGNMENT.match(text, start - 1)
                                         or BEFORE.search(text[:start]))):
            break
        start -= 1
    end, depth = last, 0
    while end < len(text):
        char = text[end]
        if depth == 0 and (char in CLOSERS + ",;{" or text.startswith("=>", end)):
            break
        depth += (char in OPENERS) - (char in CLOSERS)
        end += 1
    if depth or (end == len(text) and not after.strip().startswith("}")):
        # It may go on in the next line.
        return None
    start += len(text[start:first]) - len(text[start:first].lstrip())
    end -= len(text[last:end]) - len(text[last:end].rstrip())
    before, whole = text[:start].rstrip(), text[start:end]
    # A line that begins with an operator goes on from the one before; a chain of conditions may bind a name.
    goes_on = not before and whole[:1] in tuple(".?&|+-*/%=<>^")
    chained = re.search(r"\b(if|while) let\b", before)
    return None if not whole or goes_on or chained or LEFT_OUT.search(outside(whole)) else (start, end)


def outside(text):
    """The text without what stands in brackets."""
    kept, depth = [], 0
    for char in text:
        depth -= char in CLOSERS
        if depth == 0:
            kept.append(char)
        depth += char in OPENERS
    return "".join(kept)
