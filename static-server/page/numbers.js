// Numbers in sentences: the same for every reader, as the numbers of lines are. No DOM in here.

const NUMBERS = new Intl.NumberFormat("en");

/** `1,234`. */
export const grouped = (count) => NUMBERS.format(count);

/** `1 line`, `1,234 lines`; the plural of `noun` has an `s` more. */
export function counted(count, noun) {
  return count === 1 ? `1 ${noun}` : `${grouped(count)} ${noun}s`;
}
