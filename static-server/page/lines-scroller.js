// Which rows are seen. The browser scrolls a space as high as the rows, or the highest that all browsers can have; the place at the top of the view is kept
// as a row and pixels into it, so that it is exact with a million rows, holds still when rows come or go above it, and needs no heights of unseen rows.
//
//     place  ─ first …………… anchor ▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔ …………… end
//                            │ offset pixels of it are above the view
//     pixels ─ 0 ………………… scrollTop ………………… height

import { Heights } from "./lines-heights.js";
import { RowWindow } from "./lines-rows.js";

/** Pixels that the space may be high: Firefox lays out nothing below 17.8 million, Chromium 33.5 million device pixels; and floats that big have no halves. */
const TALLEST = 4_000_000;
/** Rows beyond the edges of the view that are there before they are scrolled to. */
const AROUND = 20;
/** The same while the view follows: rows that only pass by cost as much as those that are seen. */
const AROUND_END = 6;
/** Where pixels and rows differ in scale, a scroll of more than so many views is one of the scroll bar: it is taken by its share of the whole. */
const JUMP = 2;
/** Milliseconds after the last scrolling when the scroll bar may be put right. */
const REST = 200;
/** Pixels that Firefox rounds a scrollTop of millions by. */
const LOST = 2;

export class Scroller {
  #box;
  #space;
  #layer;
  #window;
  #onMove;
  #onHold;
  #first = 0;
  #end = 0;
  #anchor = 0;
  #offset = 0;
  /** The scrollTop that goes with anchor and offset. */
  #top = 0;
  #heights = new Heights();
  #view = 0;
  #height = 0;
  #following = true;
  #mayFollow = true;
  #scrolledAt = -Infinity;
  #scrolledBy = 0;
  #resting = null;
  #isShifted = false;
  /** The layer stands at the end of the space, wherever that is. */
  #isAtEnd = false;
  #isSideways = false;
  #width = 0;

  /** `box` scrolls `space`, which holds `layer`, in which the rows are. `fill(row, place)` fills a row; `onMove()` asks for a drawing, `onHold()` hears that it follows no more. */
  constructor({ box, space, layer, fill, onMove, onHold }) {
    this.#box = box;
    this.#space = space;
    this.#layer = layer;
    this.#window = new RowWindow(layer, fill);
    this.#onMove = onMove;
    this.#onHold = onHold;
    box.addEventListener("scroll", () => this.#onMove(), { passive: true });
    box.addEventListener("wheel", ({ deltaY, ctrlKey }) => { if (deltaY < 0 && !ctrlKey) { this.stopFollowing(); } }, { passive: true });
    new ResizeObserver(() => this.#resized()).observe(box);
  }

  get following() {
    return this.#following;
  }

  get wrapped() {
    return this.#heights.wrapped;
  }

  get rows() {
    return this.#window.rows;
  }

  /** How many rows fit into the view, at least one. */
  get rowsInView() {
    return Math.max(1, Math.floor(this.#view / this.#heights.row));
  }

  /** The place at the top of the view. */
  get anchor() {
    return this.#following ? this.#lastAnchor().anchor : this.#anchor;
  }

  /** The places that are in the document. */
  get from() {
    return this.#window.from;
  }

  /** Measures anew what depends on fonts and sizes. */
  measure(rowHeight) {
    this.#heights.row = rowHeight;
    this.#view = this.#box.clientHeight;
    if (this.#following) {
      // Layouts between the old size and the new one cut the scrollTop, too: that is nobody's scrolling.
      this.#top = Math.min(this.#top, this.#box.scrollTop);
    }
  }

  /** What the rows show has changed, all of them or those at `places`. */
  refresh(places = null) {
    this.#window.refresh(places);
    if (places === null) {
      this.#heights.forget();
    }
    this.#onMove();
  }

  follow() {
    this.#following = true;
    this.#onMove();
  }

  stopFollowing() {
    if (this.#following && (this.#anchor > this.#first || this.#offset > 0 || this.#mayScroll())) {
      this.#hold();
      this.#onMove();
    }
  }

  /** Holds the view where it is, also where there is nothing to scroll yet. */
  hold() {
    if (this.#following) {
      this.#hold();
    }
  }

  /** Whether reaching the end begins to follow: not during a pause. */
  set mayFollow(may) {
    this.#mayFollow = may;
  }

  set wrapped(wrapped) {
    if (!this.#following) {
      this.#offset = 0;
    }
    this.#heights.wrapped = wrapped;
    this.#onMove();
  }

  /** Shows `place` a third below the top of the view, or `share` of the view below it. */
  goTo(place, share = 1 / 3) {
    this.hold();
    this.#anchor = place;
    this.#offset = 0;
    this.#advance(-Math.floor((this.#view * share) / this.#heights.row) * this.#heights.row);
    this.#clamp();
    this.#settle(true);
    this.#onMove();
  }

  /** Scrolls by rows, exactly. */
  moveBy(rows) {
    if (rows < 0) {
      this.stopFollowing();
    }
    if (this.#following) {
      return;
    }
    this.#advance(rows * this.#heights.row);
    this.#clamp();
    this.#settle(true);
    this.#followAtEnd(rows);
    this.#onMove();
  }

  /** The rows there are: from place `first` to `end`, exclusive. */
  setRange(first, end) {
    this.#isShifted ||= first !== this.#first || end < this.#end;
    [this.#first, this.#end] = [first, end];
  }

  /** Notes how far the reader has scrolled. To ask is cheap before a frame changes anything, and costs a layout after that. */
  look() {
    this.#scrolledBy = this.#moved();
  }

  /** Draws; once a frame, after `look`. Returns how many rows it had to fill. */
  draw() {
    const moved = this.#scrolledBy;
    if (this.#following) {
      this.#drawEnd();
    } else {
      this.#scrolled(moved);
      this.#clamp();
      this.#drawAnchor();
      this.#settle(this.#isShifted);
      this.#followAtEnd(moved);
    }
    this.#isShifted = false;
    this.#scrolledBy = 0;
    return this.#window.filled;
  }

  /** How far the reader has scrolled since the last drawing, in pixels. */
  #moved() {
    const top = this.#box.scrollTop;
    this.#noteSideways(this.#box.scrollLeft > 0);
    this.#view = this.#box.clientHeight;
    // A view that has become higher is no scrolling up, nor is a pixel that a browser loses so far down.
    const furthest = Math.max(0, this.#height - this.#view);
    const moved = top - Math.min(this.#top, furthest);
    if (Math.abs(moved) <= LOST) {
      return 0;
    }
    this.#scrolledAt = performance.now();
    if (this.#following && moved < 0) {
      this.#hold();
    }
    return moved;
  }

  /** Rows stick to the left only where they must: each that does costs in every frame. */
  #noteSideways(isSideways) {
    if (isSideways !== this.#isSideways) {
      this.#isSideways = isSideways;
      this.#box.classList.toggle("sideways", isSideways);
    }
  }

  #drawEnd() {
    const from = Math.max(this.#first, this.#end - Math.ceil(this.#view / this.#heights.row) - AROUND_END);
    this.#window.show(from, this.#end, this.#first, this.#end);
    this.#heights.measure(this.rows);
    const isResized = this.#resize();
    if (!this.#isAtEnd) {
      this.#isAtEnd = true;
      this.#layer.classList.add("at-end");
      this.#layer.style.top = "";
    }
    // To read or set it makes the browser lay out all rows at once, and again if anything changes after that.
    if (isResized || this.#top < this.#height - this.#view - 1) {
      this.#box.scrollTop = this.#height;
      this.#top = Math.max(0, this.#height - this.#view);
    }
    this.#anchor = this.#end;
  }

  #drawAnchor() {
    const to = Math.min(this.#end, this.#anchor + Math.ceil(this.#view / this.#heights.row) + 1 + AROUND);
    this.#window.show(Math.max(this.#first, this.#anchor - AROUND), to, this.#first, this.#end);
    this.#heights.measure(this.rows);
    if (this.wrapped) {
      this.#clamp(this.#window.to === this.#end);
    }
    this.#resize();
    this.#place();
  }

  /** Puts the layer where the anchor is at the top of the view. */
  #place() {
    if (this.#isAtEnd) {
      this.#isAtEnd = false;
      this.#layer.classList.remove("at-end");
    }
    this.#layer.style.top = `${this.#top - this.#offset - this.#heights.between(this.#window.from, this.#anchor)}px`;
  }

  /** The space is as high as the rows are, as far as that is known. */
  #resize() {
    const isWhole = this.#window.from === this.#first && this.#window.to === this.#end;
    const rows = isWhole ? this.#heights.between(this.#first, this.#end) : (this.#end - this.#first) * this.#heights.average;
    const height = Math.min(TALLEST, Math.ceil(rows));
    if (height === this.#height) {
      return false;
    }
    this.#height = height;
    this.#space.style.height = `${height}px`;
    return true;
  }

  get #isExact() {
    return !this.wrapped && (this.#end - this.#first) * this.#heights.row <= TALLEST;
  }

  /** Takes the reader's scrolling over to the anchor. */
  #scrolled(moved) {
    if (moved === 0) {
      return;
    }
    this.#top = this.#box.scrollTop;
    if (!this.#isExact && Math.abs(moved) > JUMP * this.#view) {
      this.#jump(this.#top / Math.max(1, this.#height - this.#view));
    } else {
      this.#advance(moved);
    }
  }

  /** To the place at `share` of the whole. */
  #jump(share) {
    const { average } = this.#heights;
    const place = this.#first + Math.max(0, this.#end - this.#first - this.#view / average) * Math.min(1, share);
    this.#anchor = Math.floor(place);
    this.#offset = Math.floor((place - this.#anchor) * this.#heights.of(this.#anchor));
  }

  #advance(pixels) {
    this.#offset += pixels;
    if (!this.wrapped) {
      const rows = Math.floor(this.#offset / this.#heights.row);
      this.#anchor += rows;
      this.#offset -= rows * this.#heights.row;
      return;
    }
    while (this.#offset < 0 && this.#anchor > this.#first) {
      this.#anchor -= 1;
      this.#offset += this.#heights.of(this.#anchor);
    }
    while (this.#offset >= this.#heights.of(this.#anchor) && this.#anchor < this.#end - 1) {
      this.#offset -= this.#heights.of(this.#anchor);
      this.#anchor += 1;
    }
  }

  /** Nothing stands before the first row, and nothing behind the last: of wrapped rows that is known once they are measured. */
  #clamp(isMeasured = !this.wrapped) {
    if (this.#anchor < this.#first || (this.#anchor === this.#first && this.#offset < 0)) {
      [this.#anchor, this.#offset] = [this.#first, 0];
    }
    if (!isMeasured) {
      [this.#anchor, this.#offset] = this.#anchor < this.#end ? [this.#anchor, this.#offset] : [Math.max(this.#first, this.#end - 1), 0];
      return;
    }
    const last = this.#lastAnchor();
    if (this.#anchor > last.anchor || (this.#anchor === last.anchor && this.#offset > last.offset)) {
      [this.#anchor, this.#offset] = [last.anchor, last.offset];
    }
  }

  /** The anchor that has the last row at the bottom of the view. */
  #lastAnchor() {
    let [anchor, left] = [this.#end, this.#view];
    while (left > 0 && anchor > this.#first) {
      anchor -= 1;
      left -= this.#heights.of(anchor);
    }
    return { anchor, offset: Math.max(0, -left) };
  }

  #mayScroll() {
    const { anchor, offset } = this.#lastAnchor();
    return anchor > this.#first || offset > 0;
  }

  #hold() {
    const { anchor, offset } = this.#lastAnchor();
    [this.#anchor, this.#offset] = [anchor, offset];
    this.#following = false;
    this.#onHold();
  }

  #followAtEnd(moved) {
    if (moved > 0 && this.#mayFollow) {
      const last = this.#lastAnchor();
      if (this.#anchor === last.anchor && this.#offset >= last.offset - 1) {
        this.follow();
      }
    }
  }

  /** The scrollTop that the anchor should have. */
  #wantedTop() {
    const furthest = Math.max(0, this.#height - this.#view);
    const before = () => this.#heights.between(this.#first, this.#anchor) + this.#offset;
    if (this.#isExact || this.#anchor - this.#first <= AROUND) {
      return Math.min(furthest, before());
    }
    const last = this.#lastAnchor();
    if (last.anchor - this.#anchor <= AROUND) {
      return Math.max(0, furthest - (this.#heights.between(this.#anchor, last.anchor) + last.offset - this.#offset));
    }
    const place = this.#anchor + this.#offset / this.#heights.of(this.#anchor);
    return furthest * ((place - this.#first) / Math.max(1, this.#end - this.#first - this.#view / this.#heights.average));
  }

  /** Puts the scroll bar where the anchor is: at once if it must be, else when the reader rests. */
  #settle(isForced) {
    const wanted = Math.round(this.#wantedTop());
    if (Math.abs(wanted - this.#top) <= 1) {
      return;
    }
    const furthest = this.#height - this.#view;
    const isAtEdge = this.#top < this.#view || this.#top > furthest - this.#view || wanted < this.#view || wanted > furthest - this.#view;
    if (isForced || this.#isExact || isAtEdge || performance.now() - this.#scrolledAt > REST) {
      this.#box.scrollTop = wanted;
      this.#top = this.#box.scrollTop;
      this.#place();
    } else {
      clearTimeout(this.#resting);
      this.#resting = setTimeout(() => this.#onMove(), REST);
    }
  }

  #resized() {
    this.#view = this.#box.clientHeight;
    if (this.#width !== this.#box.clientWidth) {
      this.#width = this.#box.clientWidth;
      this.#heights.forget();
    }
    this.#onMove();
  }
}
