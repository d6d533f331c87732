// The view of lines: what arrives, as a terminal would show it, with all that a reader does with it. Each part has its own module; here they meet.
//
//     add ─▶ LineStore ──▶ LineList ──▶ Scroller ──▶ rows in the document
//               ▲            ▲ places
//     Older ────┘          Finder (a thread of its own)

import { make } from "./dom.js";
import { Back } from "./lines-back.js";
import { Content } from "./lines-content.js";
import { Exporter } from "./lines-copy.js";
import { Finder } from "./lines-finder.js";
import { Following } from "./lines-following.js";
import { KeyList, actionOf } from "./lines-keys.js";
import { LineList } from "./lines-list.js";
import { Note } from "./lines-note.js";
import { Older, SLACK } from "./lines-older.js";
import { Pill } from "./lines-pill.js";
import { Reporter } from "./lines-report.js";
import { Scroller } from "./lines-scroller.js";
import { SearchBar } from "./lines-search-bar.js";
import { Steps } from "./lines-steps.js";
import { LineStore } from "./lines-store.js";
import { Target } from "./lines-target.js";
import { Toolbar } from "./lines-toolbar.js";

/** Rows from the oldest at which older ones are fetched. */
const NEAR = 60;
const LINE_HEIGHT = 1.45;

export class LinesView {
  #element;
  #announce;
  #reporter;
  #store = new LineStore();
  #finder;
  #list;
  #older;
  #back;
  #scroller;
  #following;
  #exporter;
  #toolbar;
  #searchBar;
  #keyList;
  #box = make("div", { className: "lines-box", tabIndex: 0, role: "log", "aria-live": "off", "aria-label": "Lines, the newest at the bottom" });
  #space = make("div", { className: "lines-space" });
  #layer = make("div", { className: "lines-rows" });
  #pill;
  #note;
  #frame = null;
  #rests = false;
  #isShown = false;
  #target;
  #content;
  #steps;
  #isFilled = false;
  /** Where the view stood when the oldest line was asked for, once that is there. */
  #awaitsFirst = null;

  /**
   * `element` is an empty section that fills what height there is. `fetchOlder(since, until, { signal })` gives a promise of `{ records, gap }`, `announce`
   * tells a screen reader, and `onChange({ following, paused, unseen, total, shown })` hears what the title and the status show.
   */
  constructor({ element, fetchOlder, announce, onChange }) {
    this.#element = element;
    this.#announce = announce;
    const tell = (numbers) => {
      this.#toolbar.showCount(numbers.total, ["more", "full"].includes(this.#older.extent));
      onChange(numbers);
    };
    this.#reporter = new Reporter({ announce, onChange: tell, numbers: () => this.#numbers() });
    this.#finder = new Finder({ store: this.#store, onNews: (serials) => this.#found(serials) });
    this.#list = new LineList({ store: this.#store, finder: this.#finder });
    this.#older = new Older({ store: this.#store, fetch: fetchOlder, onNews: () => this.#olderCame() });
    this.#scroller = new Scroller({
      box: this.#box,
      space: this.#space,
      layer: this.#layer,
      fill: (row, place) => this.#content.fill(row, place),
      onMove: () => this.#schedule(),
      onHold: () => this.#following.leave(),
    });
    this.#following = new Following({ scroller: this.#scroller, list: this.#list, store: this.#store, finder: this.#finder });
    this.#note = new Note(announce);
    this.#back = new Back({
      older: this.#older,
      store: this.#store,
      isFollowing: () => this.#scroller.following,
      note: this.#note,
      onNews: () => this.#schedule(),
    });
    this.#target = new Target({ store: this.#store, older: this.#older, note: this.#note, goTo: (serial) => this.#goTo(serial) });
    this.#content = new Content({
      store: this.#store, list: this.#list, finder: this.#finder, target: this.#target, space: this.#space, edge: () => this.#edge,
    });
    this.#steps = new Steps({
      finder: this.#finder,
      anchor: () => this.#anchorSerial(),
      isSearching: () => this.#isSearching,
      goTo: (serial) => this.#goToMatch(serial),
      announce,
    });
    this.#exporter = new Exporter({ list: this.#list, layer: this.#layer, rows: () => this.#scroller.rows });
    this.#pill = new Pill(() => { this.#act("last"); this.#box.focus({ preventScroll: true }); });
    this.#toolbar = new Toolbar((action) => this.#act(action));
    this.#searchBar = new SearchBar({
      onSearch: (expression, isSafe) => this.#search(expression, isSafe),
      onOnly: () => this.#setOnly(),
      onStep: (direction) => this.#steps.step(direction),
      onOlder: () => this.#back.search({ isWanted: true }),
      onClose: () => this.#endSearch(),
      onEscape: () => this.#act("leave"),
    });
    this.#build();
  }

  #build() {
    this.#element.classList.add("lines");
    this.#element.setAttribute("aria-label", "Lines");
    this.#space.append(this.#layer);
    this.#box.append(this.#space);
    this.#element.append(this.#toolbar.element, this.#searchBar.element, make("div", { className: "lines-stage" }, this.#box, this.#pill.element, this.#note.element));
    this.#keyList = new KeyList(this.#element);
    this.#layer.addEventListener("click", (event) => this.#clicked(event));
    document.addEventListener("keydown", (event) => this.#keyed(event));
    document.addEventListener("selectionchange", () => this.#selected());
    document.addEventListener("copy", (event) => { if (this.#isShown) { this.#exporter.onCopy(event); } });
    addEventListener("hashchange", () => { this.#target.read(location.hash); this.#scroller.refresh(); });
    addEventListener("resize", () => this.#measure());
    for (const toggle of ["search", "pause", "wrap", "times"]) {
      this.#toolbar.press(toggle, false);
    }
    this.#target.read(location.hash);
  }

  /** Takes records `{ number, id, text, wall }` in the order of their arrival. */
  add(records) {
    for (const record of records) {
      this.#store.append(record);
    }
    this.#following.came(records.length);
    this.#trim();
    this.#reporter.came(records.length);
    this.#schedule();
    this.#reporter.update();
  }

  /** A row of the page's own, `{ text, kind, wall }`, behind all lines until now. */
  event({ text, kind, wall }) {
    this.#store.event({ text, kind: kind.split(" ").includes("event") ? kind : `event ${kind}`, wall });
    this.#schedule();
  }

  /** A new stream has begun; its numbers are others. */
  reset() {
    this.#store.reset();
    this.#older.reset();
    this.#isFilled = false;
    this.#scroller.refresh();
  }

  show() {
    this.#element.hidden = false;
    this.#isShown = this.#reporter.isShown = true;
    this.#measure();
  }

  hide() {
    this.#element.hidden = true;
    this.#isShown = this.#reporter.isShown = false;
  }

  // Drawing

  #schedule() {
    if (this.#frame === null && this.#isShown) {
      this.#frame = requestAnimationFrame(() => {
        this.#frame = null;
        this.#draw();
      });
    }
  }

  #draw() {
    if (this.#rests) {
      this.#rests = false;
      this.#schedule();
      return;
    }
    this.#scroller.look();
    this.#finder.update();
    this.#searchOlder();
    this.#steps.retry();
    this.#seekFirst();
    this.#target.seek();
    this.#setRange();
    this.#drawSearch();
    this.#drawPill();
    // When lines rush past, every second frame is as good, and leaves the reader's machine half of its time.
    this.#rests = this.#scroller.draw() > this.#scroller.rowsInView / 2 && this.#scroller.following;
    this.#finder.askForRanges();
    this.#fetchOlder();
    this.#following.look();
    this.#reporter.update();
    if (this.#finder.isSearching) {
      this.#schedule();
    }
  }

  #setRange() {
    this.#content.widenNumbers();
    // A row of its own stands above the oldest line, and says what there is before it.
    this.#scroller.setRange(this.#list.first - 1, this.#list.end);
  }

  #drawPill() {
    const { paused, unseen } = this.#following;
    const isAway = !this.#scroller.following && (unseen > 0 || this.#list.end - this.#scroller.anchor > this.#scroller.rowsInView);
    this.#pill.show({ isAway, paused, unseen });
  }

  #measure() {
    if (!this.#isShown) {
      return;
    }
    const row = Math.round(parseFloat(getComputedStyle(this.#box).fontSize) * LINE_HEIGHT);
    this.#box.style.setProperty("--row", `${row}px`);
    this.#scroller.measure(row);
    this.#schedule();
  }

  // Pausing, and what is told

  #pause(paused) {
    if (paused === this.#following.paused) {
      return;
    }
    if (paused) {
      this.#setRange();
      this.#following.pause();
    } else {
      this.#following.goOn();
    }
    this.#toolbar.press("pause", paused);
    this.#element.classList.toggle("paused", paused);
    this.#announce(paused ? "Paused. Lines are still counted." : "Going on.");
    this.#schedule();
    this.#reporter.update();
  }

  #numbers() {
    const { follows, paused, unseen } = this.#following;
    return { following: follows, paused, unseen, total: this.#store.lines, shown: this.#list.count };
  }

  // Older lines, and any line

  #trim() {
    const before = this.#store.first;
    this.#store.trim(this.#scroller.following ? 0 : SLACK);
    if (this.#store.first !== before) {
      this.#older.forget();
    }
  }

  #fetchOlder() {
    const isNearOldest = this.#scroller.anchor - this.#list.first < NEAR;
    const isFull = this.#list.end - this.#list.first > this.#scroller.rowsInView + NEAR;
    // A search fetches what it needs itself.
    if (this.#store.oldest === null || this.#list.isFiltered) {
      return;
    }
    if (isNearOldest && (!this.#scroller.following || !this.#isFilled)) {
      // Once at the start, so that a page that came late begins full.
      this.#isFilled ||= isFull || this.#scroller.following;
      this.#older.readMore();
    }
  }

  #olderCame() {
    this.#back.tell();
    this.#scroller.refresh(new Set([this.#list.first - 1, this.#scroller.from]));
    this.#schedule();
  }

  #goTo(serial) {
    this.#list.includeInPause(serial);
    if (!this.#list.has(serial)) {
      this.#searchBar.showAll();
      this.#list.only = false;
    }
    this.#setRange();
    this.#scroller.hold();
    const place = this.#list.placeOf(serial);
    const below = place - this.#scroller.anchor;
    if (below < 1 || below >= this.#scroller.rowsInView - 1) {
      this.#scroller.goTo(place);
    }
    this.#scroller.refresh();
  }

  // Searching

  #search(expression, isSafe) {
    const serial = this.#anchorSerial();
    this.#steps.reset();
    this.#content.current = null;
    this.#finder.search(expression, isSafe);
    this.#back.begin(expression !== null);
    this.#keepPlace(serial);
  }

  /** What the page has is searched: on with what the history has. */
  #searchOlder() {
    if (this.#finder.isStopped) {
      this.#back.begin(false);
    } else if (this.#finder.isActive && this.#finder.hasSearched(this.#store.first)) {
      this.#back.search();
    }
  }

  get #isSearching() {
    return this.#finder.isSearching || (this.#finder.isActive && this.#back.isReading);
  }

  /** What stands above the oldest line. */
  get #edge() {
    return this.#list.isFiltered && this.#older.mayRead && !this.#back.isReading ? "Older lines are not searched." : this.#older.note;
  }

  #setOnly() {
    const serial = this.#anchorSerial();
    this.#list.only = this.#searchBar.only;
    this.#keepPlace(serial);
  }

  /** The row at the top of the view, `null` while it follows. */
  #anchorSerial() {
    const place = Math.max(this.#scroller.anchor, this.#list.first);
    return this.#scroller.following || place >= this.#list.end ? null : this.#list.serialAt(place);
  }

  #keepPlace(serial) {
    this.#setRange();
    if (serial !== null) {
      this.#scroller.goTo(this.#list.placeOf(serial), 0);
    }
    this.#scroller.refresh();
  }

  #found(serials) {
    this.#scroller.refresh(serials === null ? new Set() : new Set([...serials].map((serial) => this.#list.placeOf(serial))));
  }

  #goToMatch(serial) {
    this.#content.current = serial;
    this.#content.uncut(serial);
    this.#goTo(serial);
    this.#drawSearch();
  }

  #drawSearch() {
    if (this.#searchBar.isOpen) {
      const { matches, isStopped } = this.#finder;
      this.#searchBar.show({ at: this.#steps.at, count: matches.count, isSearching: this.#isSearching, isStopped, scope: this.#back.scope });
    }
  }

  // What the reader does

  #keyed(event) {
    const action = this.#isShown && !event.defaultPrevented ? actionOf(event) : null;
    if (action !== null && this.#act(action) !== false) {
      event.preventDefault();
    }
  }

  #act(action) {
    const move = { up: -1, down: 1, pageUp: 1 - this.#scroller.rowsInView, pageDown: this.#scroller.rowsInView - 1 }[action];
    if (move !== undefined) {
      this.#scroller.moveBy(move);
      return true;
    }
    switch (action) {
      case "search": this.#searchBar.open(); break;
      case "next": return this.#finder.isActive && this.#steps.step(1);
      case "previous": return this.#finder.isActive && this.#steps.step(-1);
      case "leave": return this.#leave();
      case "pause": this.#pause(!this.#following.paused); break;
      case "wrap": this.#wrap(); break;
      case "times": this.#showTimes(); break;
      case "first": this.#toFirst(); break;
      case "last": this.#toLast(); break;
      case "left": case "right": this.#box.scrollBy({ left: action === "left" ? -80 : 80 }); break;
      case "keys": this.#keyList.open(); break;
      case "copy": this.#copy(); break;
      case "download": this.#exporter.download(); break;
    }
    this.#toolbar.press("search", this.#searchBar.isOpen);
    return true;
  }

  #leave() {
    if (this.#back.stop()) {
      this.#schedule();
      return true;
    }
    this.#note.say("");
    return this.#searchBar.isOpen && this.#endSearch();
  }

  #endSearch() {
    this.#searchBar.close();
    this.#toolbar.press("search", false);
    this.#box.focus({ preventScroll: true });
    return true;
  }

  #wrap() {
    const wrapped = !this.#scroller.wrapped;
    this.#box.classList.toggle("wrapped", wrapped);
    this.#toolbar.press("wrap", wrapped);
    this.#scroller.wrapped = wrapped;
  }

  #showTimes() {
    const times = !this.#content.times;
    this.#content.times = times;
    this.#box.classList.toggle("with-times", times);
    this.#toolbar.press("times", times);
    this.#scroller.refresh();
  }

  #toFirst() {
    this.#setRange();
    this.#scroller.hold();
    this.#scroller.goTo(this.#list.first - 1, 0);
    const place = this.#scroller.anchor;
    this.#back.toFirst(() => {
      this.#awaitsFirst = place;
      this.#schedule();
    });
  }

  /** Goes to the oldest line once it is there and, of those that match, known; unless the reader has gone down meanwhile. */
  #seekFirst() {
    if (this.#awaitsFirst === null || (this.#list.isFiltered && this.#finder.isSearching && !this.#finder.hasSearched(this.#store.first))) {
      return;
    }
    const place = this.#awaitsFirst;
    this.#awaitsFirst = null;
    if (this.#scroller.anchor <= place && !this.#scroller.following) {
      this.#setRange();
      this.#scroller.goTo(this.#list.first - 1, 0);
    }
  }

  #toLast() {
    this.#back.abandon();
    this.#awaitsFirst = null;
    this.#scroller.follow();
    this.#pause(false);
  }

  #clicked({ target }) {
    if (target.closest(".whole") !== null) {
      const row = this.#scroller.rows.find(({ element }) => element.contains(target));
      this.#content.showWhole(this.#list.serialAt(row.place));
      this.#scroller.refresh();
    }
  }

  /** A reader who selects text wants it to hold still. */
  #selected() {
    const selection = getSelection();
    if (this.#isShown && selection !== null && !selection.isCollapsed && this.#layer.contains(selection.anchorNode)) {
      this.#scroller.hold();
      this.#schedule();
    }
  }

  async #copy() {
    const copied = await this.#exporter.copy();
    this.#toolbar.say("copy", copied === null ? "Not copied" : "Copied");
    this.#note.say(copied ?? "The browser does not let this page copy: select, and press the keys for copying.", 3_000);
  }
}
