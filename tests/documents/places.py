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
        return matches(self, piece, piece.command)


@dataclass(frozen=True)
class Quote:
    """What nobody types, and why."""
    pattern: str
    reason: str
    section: str = ".*"

    def takes(self, piece):
        return matches(self, piece, piece.text)


def matches(place, piece, text):
    return bool(re.fullmatch(place.pattern, text) and re.fullmatch(place.section, piece.section))


def find(piece, places):
    """The first place or quote that takes it, or None."""
    return next((place for place in places if place.takes(piece)), None)


def steps(document, places):
    """The pieces of a document in order, each with its place (None: it has none). What is written a second time for the same
    place, or is only quoted, is left out. A block that has no place as a whole is a piece a line."""
    seen, found = set(), []
    for piece in document:
        is_whole = piece.kind != "block" or find(piece, places)
        for part in [piece] if is_whole else piece.lines():
            place = find(part, places)
            key = (part.command, place)
            if key not in seen and not isinstance(place, Quote):
                seen.add(key)
                found.append((part, place))
    return found


def faults(name, document, places):
    """A line for each piece without a place, and for each place without a piece."""
    found = steps(document, places)
    used = [place for _, place in found]
    for piece, place in found:
        if place is None:
            yield f"{name}:{piece.line}: no test knows how to run this (tests/documents): {piece.text}"
    for place in places:
        if isinstance(place, Place) and place not in used:
            yield f"{name}: nothing in it matches the place {place.pattern} (tests/documents)"
        elif isinstance(place, Quote) and not any(place.takes(piece) for piece in document):
            yield f"{name}: nothing in it matches the quote {place.pattern} (tests/documents)"
