"""The EXAMPLES of a manual page, as pieces of a document."""

import re

from markdown import Piece

ESCAPES = {r"\-": "-", r"\(aq": "'", r"\(dq": '"', r"\e": "\\", r"\&": ""}


def examples(page):
    """The examples of a page in the language of man(7): each stands between .EX and .EE in the section EXAMPLES."""
    found = re.search(r"^\.SH EXAMPLES\n(.*?)(?=^\.SH|\Z)", page, re.MULTILINE | re.DOTALL)
    if not found:
        return []
    first = page[:found.start(1)].count("\n") + 1
    section = found.group(1)
    return [Piece(plain(block.group(1).rstrip()), "block", "EXAMPLES", first + section[:block.start(1)].count("\n"))
            for block in re.finditer(r"^\.EX\n(.*?)^\.EE", section, re.MULTILINE | re.DOTALL)]


def plain(text):
    return re.sub(r"\\(?:\(..|.)", lambda escape: ESCAPES[escape.group()], text)
