"""What a reader of a document would type or paste: its blocks of code, and the spans of code that are more than a name."""

import re
from dataclasses import dataclass

# Between these stands what a program wrote.
GENERATED = re.compile(r"<!-- figures .*? -->\n.*?<!-- end of figures -->\n", re.DOTALL)


@dataclass(frozen=True)
class Piece:
    text: str
    # `block` (indented by four spaces), `span`, or the language of a fenced block (`js`, `text`, ...).
    kind: str
    section: str
    line: int
    # The line of the document that a span stands in.
    context: str = ""

    @property
    def command(self):
        """The text without the comments at the ends of its lines."""
        return "\n".join(re.sub(r"\s+#\s.*", "", line) for line in self.text.splitlines())

    @property
    def is_typed(self):
        """Whether it is more than a name: blocks, spans of several words, settings with their value
        (`Group=producers`), JSON, paths."""
        return self.kind != "span" or bool(re.search(r'\S\s+\S|^\w+=.|^\{"|^/\w', self.text))

    def lines(self):
        """A piece for each line of a block."""
        return [Piece(line, self.kind, self.section, self.line + number) for number, line in enumerate(self.text.splitlines()) if line.strip()]


def pieces(text):
    """All pieces of code in a document, in order."""
    text = GENERATED.sub(lambda found: "\n" * found.group().count("\n"), text)
    section, number, lines = "", 0, text.splitlines()
    while number < len(lines):
        line = lines[number]
        if fence := re.match(r"```(\w*)", line):
            end = next(at for at in range(number + 1, len(lines)) if lines[at].startswith("```"))
            yield Piece("\n".join(lines[number + 1:end]), fence.group(1) or "text", section, number + 1)
            number = end
        elif re.match(r" {4}\S", line) and (number == 0 or not lines[number - 1].strip()):
            end = number
            while end < len(lines) and (re.match(r" {4}", lines[end]) or not lines[end].strip()):
                end += 1
            block = "\n".join(each[4:] for each in lines[number:end]).rstrip()
            yield Piece(block, "block", section, number + 1)
            number = end - 1
        elif heading := re.match(r"#+ (.*)", line):
            section = heading.group(1)
        else:
            for span in re.findall(r"(`+)(.+?)\1(?!`)", line):
                # In a table a bar is written with a backslash.
                yield Piece(span[1].replace("\\|", "|"), "span", section, number + 1, line)
        number += 1


def typed(text):
    """Those that a reader would type or paste."""
    return [piece for piece in pieces(text) if piece.is_typed]
