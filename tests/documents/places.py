"""Places: how each piece of a document is run, and what it must do. A piece without a place fails, and so does a place without a piece."""

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    # Matches the whole text of a piece, without its comments.
    pattern: str
    # Gets the administrator and the piece; what the document promises of it must be true.
    body: Callable
    # Matches the section that the piece must stand in; by default any.
    section: str = ".*"

    def takes(self, piece):
        return re.fullmatch(self.pattern, piece.command) is not None and re.fullmatch(self.section, piece.section) is not None


@dataclass(frozen=True)
class Quote:
    """What nobody types, and why."""
    pattern: str
    reason: str
    section: str = ".*"

    def takes(self, piece):
        return re.fullmatch(self.pattern, piece.text) is not None and re.fullmatch(self.section, piece.section) is not None


def find(piece, places):
    return next((place for place in places if isinstance(place, Place) and place.takes(piece)), None)


def is_quote(piece, places):
    return any(isinstance(place, Quote) and place.takes(piece) for place in places)


def steps(document, places):
    """The pieces of a document in order, each with its place (None: it has none). What is written a second time in a section, or
    is only quoted, is left out. A block that has no place as a whole is a piece a line."""
    seen, found = set(), []
    for piece in document:
        is_whole = piece.kind != "block" or find(piece, places) or is_quote(piece, places)
        parts = [piece] if is_whole else piece.lines()
        for part in parts:
            place = find(part, places)
            key = (part.command, place)
            if key in seen or (place is None and is_quote(part, places)):
                continue
            seen.add(key)
            found.append((part, place))
    return found


def faults(name, document, places):
    """A line for each piece without a place, and for each place without a piece."""
    used = [place for _, place in steps(document, places)]
    for piece, place in steps(document, places):
        if place is None:
            yield f"{name}:{piece.line}: no test knows how to run this (tests/documents): {piece.text}"
    for place in places:
        if isinstance(place, Place) and place not in used:
            yield f"{name}: nothing in it matches the place {place.pattern} (tests/documents)"
        elif isinstance(place, Quote) and not any(place.takes(piece) for piece in document):
            yield f"{name}: nothing in it matches the quote {place.pattern} (tests/documents)"
