// The page: one connection, and what is shown of it. Each module has its own idea; here they meet.

import { httpUrl, streamUrl } from "./address.js";
import { Arrivals, ClockOffset } from "./arrivals.js";
import { Chart } from "./chart.js";
import { Connection, TRANSPORTS } from "./connection.js";
import { findDate } from "./dates.js";
import { showCommands } from "./howto.js";
import { MessageList } from "./messages.js";
import { announce, showClock, showCurrent, showEvenness, showFigures, showListNote, showStatus } from "./view.js";

/** `17 disconnected`: what ws-server says when another client left. Such a notice has no number. */
const NOTICE = /^\d+ disconnected$/;
/** Milliseconds between two drawings of the list and the charts while messages pour in. */
const SHORTEST_REDRAW = 100;
/** A stream of dates that is silent for so many beats, and for 15 s, is dead: a broken network says nothing. */
const DEAD_AFTER_BEATS = 10;
const DEAD_AFTER = 15_000;

const url = streamUrl(document.querySelector('meta[name="datecast-ws"]').content, location);
const list = new MessageList(document.getElementById("messages"));
const chart = new Chart(document.getElementById("chart"));
const arrivals = new Arrivals();
const clock = new ClockOffset();
const totals = { messages: 0, left: 0, reconnects: 0 };
let state = { phase: "connecting" };
let lost = false;
let everOpened = false;
let newest = null;
let lastArrival = null;
let firstOfConnection = true;
let redraw = null;
let lastRedraw = 0;

const via = new URLSearchParams(location.search).get("via");
const connection = new Connection({
  url,
  only: Object.hasOwn(TRANSPORTS, via ?? "") ? via : null,
  onMessage: receive,
  onGap: (gap) => say(missed(gap)),
  onState: enter,
});

function receive({ text, number, resumed }) {
  const now = performance.now();
  const record = { text, number, wall: Date.now(), kind: number === null && NOTICE.test(text) ? "notice" : "message" };
  if (resumed !== null) {
    say(`Resumed after message ${resumed.after}: none was missed.`);
  }
  if (record.kind === "notice") {
    totals.left += 1;
  } else {
    count(record, now);
  }
  list.add(record);
  schedule();
}

function count(record, now) {
  totals.messages += 1;
  lastArrival = now;
  newest = record;
  // The first message comes at once, on no beat.
  if (!firstOfConnection) {
    arrivals.record(now);
  }
  firstOfConnection = false;
}

/** What a reader should know of messages that do not come. */
function missed({ missed: count, stream }) {
  if (stream === "new") {
    return "New stream: it has begun anew, and all that it keeps follows.";
  }
  if (count === null) {
    return "Some messages may be missed: the server does not know this place in the stream.";
  }
  return count === 1 ? "1 message missed." : `${count.toLocaleString("en")} messages missed.`;
}

function enter(next) {
  state = next;
  if (next.phase === "open") {
    opened(next);
  } else if (next.phase === "waiting" && !lost) {
    lost = true;
    const what = everOpened ? "Connection lost" : "No connection yet";
    announce(`${what}: ${next.reason}. Trying again.`);
    if (everOpened) {
      say(`${what}: ${next.reason}.`, "event lost");
    }
  }
  document.title = { open: "datecast", connecting: "Connecting · datecast", waiting: "Not connected · datecast" }[next.phase];
  showStatus(state, url, performance.now(), everOpened);
}

function opened({ transport }) {
  const address = transport === "sse" ? httpUrl(url) : url;
  announce(`Connected by ${TRANSPORTS[transport].name} to ${address.href}`);
  totals.reconnects += everOpened ? 1 : 0;
  everOpened = true;
  lost = false;
  firstOfConnection = true;
  lastArrival = null;
  arrivals.restart();
  document.getElementById("pause").disabled = false;
}

/** A line of the page's own among the messages. */
function say(text, kind = "event") {
  list.add({ text, number: null, wall: Date.now(), kind });
  schedule();
}

/** Draws with the next frame, at most ten times a second: however fast messages come, the page stays quick. */
function schedule() {
  if (redraw === null) {
    const early = SHORTEST_REDRAW - (performance.now() - lastRedraw);
    redraw = early > 0 ? setTimeout(() => requestAnimationFrame(draw), early) : requestAnimationFrame(draw);
  }
}

function draw() {
  redraw = null;
  lastRedraw = performance.now();
  showFigures(totals, arrivals.rate(lastRedraw));
  showListNote(list);
  if (list.paused || newest === null) {
    return;
  }
  const date = findDate(newest.text);
  if (date?.whole) {
    clock.record(date.instant, date.resolution, newest.wall);
  }
  showClock(clock.bounds(), date);
  showCurrent(newest, date);
  list.flush();
  showEvenness(arrivals, chart, lastRedraw);
}

/** Four times a second: how long it has been, how long it will be. */
function tick() {
  const now = performance.now();
  showStatus(state, url, now, everOpened);
  const { steady, beat } = (state.phase === "open" && arrivals.evenness()) || {};
  const silence = now - (lastArrival ?? now);
  if (steady && silence > Math.max(DEAD_AFTER, DEAD_AFTER_BEATS * beat) && findDate(newest.text)?.whole) {
    connection.giveUp(`no message for ${Math.round(silence / 1000)} s`);
  }
}

function pauseOrGoOn(event) {
  list.pause(!list.paused);
  event.target.textContent = list.paused ? "Go on" : "Pause";
  document.body.classList.toggle("paused", list.paused);
  announce(list.paused ? "Paused. Messages are still counted." : "Going on.");
  schedule();
}

document.getElementById("pause").addEventListener("click", pauseOrGoOn);
document.getElementById("retry").addEventListener("click", () => connection.connect());
addEventListener("online", () => { if (state.phase === "waiting") { connection.connect(); } });
setInterval(tick, 250);
showCommands(url, announce);
connection.connect();
