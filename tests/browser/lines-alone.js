// The view of lines alone, with a history that the tests can fill: `window.lines` is theirs.

import { LinesView } from "./lines-view.js";

const history = { first: 1, text: (number) => `line ${number}`, reads: [], delay: 0, failure: null };
const said = [];
const states = [];

async function fetchOlder(since, until, { signal } = {}) {
  history.reads.push([since, until]);
  await new Promise((done) => { setTimeout(done, history.delay); });
  signal?.throwIfAborted();
  if (history.failure !== null) {
    throw new Error(history.failure);
  }
  const records = [];
  for (let number = Math.max(since + 1, history.first); number <= until; number += 1) {
    records.push({ number, id: `000000000000_${number}`, text: history.text(number), wall: null });
  }
  return { records, gap: since + 1 < history.first ? { missed: history.first - since - 1, stream: "same" } : null };
}

const view = new LinesView({
  element: document.getElementById("lines"),
  fetchOlder,
  announce: (text) => said.push(text),
  onChange: (state) => states.push(state),
});

/** Adds lines `from` to `to`, exclusive. */
function add(from, to, text = history.text) {
  const records = [];
  for (let number = from; number < to; number += 1) {
    records.push({ number, id: `000000000000_${number}`, text: text(number), wall: Date.now() });
  }
  view.add(records);
}

window.lines = { view, history, said, states, add };
view.show();
