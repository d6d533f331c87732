// Whether the view follows the newest line or has left it, by scrolling, a selection or a pause; and how many lines have come since.

export class Following {
  #scroller;
  #list;
  #store;
  #finder;
  #paused = false;
  /** Whether it followed when the pause began. */
  #followed = true;
  #arrived = 0;
  /** What had come when the view left the newest line: how many lines, and the serial of the next row. */
  #left = null;

  constructor({ scroller, list, store, finder }) {
    this.#scroller = scroller;
    this.#list = list;
    this.#store = store;
    this.#finder = finder;
  }

  get paused() {
    return this.#paused;
  }

  /** The newest line is in view, whatever arrives. */
  get follows() {
    return this.#scroller.following && !this.#paused;
  }

  /** How many lines have come since, of those that are shown. */
  get unseen() {
    if (this.#left === null) {
      return 0;
    }
    const { matches } = this.#finder;
    return this.#list.isFiltered ? matches.end - matches.placeOf(this.#left.serial) : this.#arrived - this.#left.arrived;
  }

  /** So many lines have come. */
  came(count) {
    this.#arrived += count;
  }

  /** What comes from now on is new. */
  leave() {
    this.#left ??= { arrived: this.#arrived, serial: this.#store.end };
  }

  /** Once a frame: at the newest line, nothing is new. */
  look() {
    if (this.follows) {
      this.#left = null;
    }
  }

  /** Holds the view, also where what is shown changes. */
  pause() {
    this.#followed = this.#scroller.following;
    this.leave();
    this.#list.freeze();
    this.#scroller.hold();
    this.#paused = true;
    this.#scroller.mayFollow = false;
  }

  /** Ends the pause. */
  goOn() {
    this.#list.thaw();
    if (this.#followed) {
      this.#scroller.follow();
    }
    this.#paused = false;
    this.#scroller.mayFollow = true;
  }
}
