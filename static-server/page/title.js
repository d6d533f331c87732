// The words of the title: how many messages are new, what the stream is called, how it is. No DOM in here.

/** `(12) vmstat 1 · live`. */
export function titleOf({ name, word, unseen }) {
  const count = unseen > 0 ? `(${short(unseen)}) ` : "";
  return `${count}${name} · ${word}`;
}

/** A count in at most four characters, cut, so that it seldom changes: `999`, `1.2k`, `45k`, `1.0M`. */
export function short(count) {
  if (count < 1_000) {
    return `${count}`;
  }
  const [unit, letter] = count < 1_000_000 ? [1_000, "k"] : [1_000_000, "M"];
  const tenths = Math.floor((count * 10) / unit);
  return tenths < 100 ? `${(tenths / 10).toFixed(1)}${letter}` : `${Math.floor(tenths / 10)}${letter}`;
}
