// datecast.js with its own waits, and with others to compare them with.

/** What a wait becomes: the text of datecast.js that says it, and another one. */
const CHANGES = {
  window: ["Math.random() / 2, wait", "Math.random(), wait"],
  first: ["500 * Math.pow(2, failures++)", "2000 * Math.pow(2, failures++)"],
  none: ["wait * (1 - random)", "wait"],
};

/** By name: what it says of the first wait, in milliseconds, and what is changed for it. */
export const JITTERS = {
  own: { says: "250 to 500", changes: [] },
  none: { says: "500", changes: ["none"] },
  whole: { says: "0 to 500", changes: ["window"] },
  later: { says: "1,000 to 2,000", changes: ["first"] },
  wide: { says: "0 to 2,000", changes: ["window", "first"] },
};

/** The text of datecast.js with the waits of `name`. */
export function withJitter(text, name) {
  return JITTERS[name].changes.reduce((changed, change) => {
    const [from, to] = CHANGES[change];
    if (changed.split(from).length !== 2) {
      throw new Error(`datecast.js does not say "${from}" once: tests/scale/storm/jitters.mjs has to follow it`);
    }
    return changed.replace(from, to);
  }, text);
}
