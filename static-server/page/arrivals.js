// How even the arrivals are, and how far the server's clock is from the reader's. No DOM and no clock in here: times are given.

const WINDOW = 60;
const ENOUGH = 4;
/** Below this, in milliseconds, gaps between messages are no beat that an eye could follow. */
const SHORTEST_BEAT = 50;

/** The arrivals of one connection: the newest 60 for the beat, the last 60 seconds for the rate. */
export class Arrivals {
  #times = [];
  #perSecond = new Map();

  /** Notes a message at `now` (milliseconds on a monotonic clock). */
  record(now) {
    this.#times.push(now);
    if (this.#times.length > WINDOW + 1) {
      this.#times.shift();
    }
    const second = Math.floor(now / 1000);
    this.#perSecond.set(second, (this.#perSecond.get(second) ?? 0) + 1);
    if (this.#perSecond.size > WINDOW + 1) {
      this.#perSecond.delete(this.#perSecond.keys().next().value);
    }
  }

  /** Forgets the beat: another connection has another phase. */
  restart() {
    this.#times = [];
  }

  /** Messages in each of the last 60 whole seconds before `now`, oldest first. */
  rates(now) {
    const second = Math.floor(now / 1000);
    return Array.from({ length: WINDOW }, (_, index) => this.#perSecond.get(second - WINDOW + index) ?? 0);
  }

  /** Messages a second: of a fast stream over the last five whole seconds, else over the newest arrivals; `null` while there are too few. */
  rate(now) {
    const recent = this.rates(now).slice(-5);
    const since = recent.findIndex((count) => count > 0);
    const total = recent.reduce((sum, count) => sum + count, 0);
    if (total > WINDOW) {
      return total / (recent.length - since);
    }
    const span = now - this.#times[0];
    return this.#times.length < 2 || span < 1 ? null : ((this.#times.length - 1) * 1000) / span;
  }

  /**
   * How even the newest arrivals are: `null` while there are too few; `{ steady: false }` where they have no beat; else the beat, how far each arrival
   * is off it (positive: late), the median and the 95th percentile of those distances, and the beats without a message. All in milliseconds.
   */
  evenness() {
    if (this.#times.length < ENOUGH) {
      return null;
    }
    const gaps = this.#times.slice(1).map((time, index) => time - this.#times[index]);
    const beat = likelyBeat(percentile(gaps, 0.5));
    const astray = percentile(gaps.map((gap) => Math.abs(gap - beat)), 0.75);
    if (beat < SHORTEST_BEAT || astray > beat / 4) {
      return { steady: false };
    }
    const off = offBeat(this.#times, beat).slice(-WINDOW);
    const distances = off.map(Math.abs);
    const missed = gaps.reduce((sum, gap) => sum + Math.max(0, Math.round(gap / beat) - 1), 0);
    return { steady: true, beat, off, missed, median: percentile(distances, 0.5), p95: percentile(distances, 0.95) };
  }
}

/** The value below which `share` of `values` lie (nearest rank). */
export function percentile(values, share) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))];
}

/** A server's interval is a round number: 998.7 ms between arrivals means 1000. */
function likelyBeat(gap) {
  const step = gap >= 500 ? 50 : 10;
  const rounded = Math.round(gap / step) * step;
  return Math.abs(gap - rounded) < gap * 0.02 ? rounded : gap;
}

/** Where each time lies on a circle of one beat, measured from their common middle: from -beat/2 to beat/2. */
function offBeat(times, beat) {
  const turn = (2 * Math.PI) / beat;
  const phases = times.map((time) => (time - times[0]) % beat);
  const sine = phases.reduce((sum, phase) => sum + Math.sin(phase * turn), 0);
  const cosine = phases.reduce((sum, phase) => sum + Math.cos(phase * turn), 0);
  const middle = Math.atan2(sine, cosine) / turn;
  const around = phases.map((phase) => wrap(phase - middle, beat));
  const median = percentile(around, 0.5);
  return around.map((phase) => wrap(phase - median, beat));
}

function wrap(phase, beat) {
  return phase - beat * Math.round(phase / beat);
}

/**
 * The server's clock less the reader's, in milliseconds, as bounds: a date cut to whole seconds says only in which second it was written. Each further
 * date can narrow the bounds.
 */
export class ClockOffset {
  #low = -Infinity;
  #high = Infinity;

  /** Notes that a date of `instant`, cut to `resolution`, was there when the reader's clock showed `wall`. */
  record(instant, resolution, wall) {
    const low = instant - wall;
    const high = low + resolution;
    if (low > this.#high || high < this.#low) {
      // One of the two clocks was set: what was known is void.
      this.#low = -Infinity;
      this.#high = Infinity;
    }
    this.#low = Math.max(this.#low, low);
    this.#high = Math.min(this.#high, high);
  }

  /** `{ low, high }` in milliseconds, or `null` before the first date. */
  bounds() {
    return this.#low === -Infinity ? null : { low: this.#low, high: this.#high };
  }
}
