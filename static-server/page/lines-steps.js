// Steps from match to match of a search, which may still be going on.

export class Steps {
  #finder;
  #anchor;
  #isSearching;
  #goTo;
  #announce;
  #current = null;
  /** A step to a match that nothing has been found for yet. */
  #awaited = 0;

  /**
   * `anchor()` is the serial of the row at the top of the view, `null` while that follows; `isSearching()` tells whether more may be found, `goTo(serial)` shows
   * a match.
   */
  constructor({ finder, anchor, isSearching, goTo, announce }) {
    this.#finder = finder;
    this.#anchor = anchor;
    this.#isSearching = isSearching;
    this.#goTo = goTo;
    this.#announce = announce;
  }

  /** Which of the matches, from 1, the reader has gone to; 0 for none. */
  get at() {
    const { matches } = this.#finder;
    return this.#current === null ? 0 : matches.placeOf(this.#current) - matches.first + 1;
  }

  /** Another search begins. */
  reset() {
    this.#current = null;
    this.#awaited = 0;
  }

  /** Makes the step that waits for a match. */
  retry() {
    if (this.#awaited !== 0) {
      this.step(this.#awaited);
    }
  }

  /** To the next match (1) or the previous one (-1), round the ends. */
  step(direction) {
    const { matches } = this.#finder;
    if (!this.#finder.isActive) {
      return;
    }
    // Whoever presses Enter at once wants the first match as soon as it is known.
    this.#awaited = this.#current === null && this.#isSearching() && !this.#knowsFirst ? direction : 0;
    if (matches.count === 0 || this.#awaited !== 0) {
      return;
    }
    const place = this.#from(direction);
    const round = place < matches.first ? matches.end - 1 : place >= matches.end ? matches.first : place;
    if (round !== place && !this.#isSearching()) {
      this.#announce(direction > 0 ? "From the oldest match again." : "From the newest match again.");
    }
    this.#current = matches.at(round);
    this.#goTo(this.#current);
  }

  /** Lines are searched from the newest: the first match of a view that follows is known with any, else once the search has come to the view. */
  get #knowsFirst() {
    const serial = this.#anchor();
    return this.#finder.matches.count > 0 && (serial === null || this.#finder.hasSearched(serial));
  }

  #from(direction) {
    const { matches } = this.#finder;
    if (this.#current !== null) {
      const place = matches.placeOf(this.#current);
      return direction > 0 ? (matches.at(place) === this.#current ? place + 1 : place) : place - 1;
    }
    const serial = this.#anchor();
    // The first match is the newest one while the view follows, else the first in view.
    return serial === null ? matches.end - 1 : matches.placeOf(serial) - (direction < 0 ? 1 : 0);
  }
}
