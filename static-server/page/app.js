// The page: one connection, and what is shown of it. Each module has its own idea; here they meet.

import { httpUrl, streamUrl } from "./address.js";
import { Batches } from "./batches.js";
import { ViewChoice, fixedView } from "./choice.js";
import { ClockView } from "./clock-view.js";
import { Connection } from "./connection.js";
import { copyCommands, showCommands } from "./howto.js";
import { isLeaveNotice } from "./ids.js";
import { LinesView } from "./lines-view.js";
import { More } from "./more.js";
import { counted } from "./numbers.js";
import { fetcherOfOlder } from "./older.js";
import { Status } from "./status.js";
import { TabToken, takeToken } from "./token.js";
import { TokenForm } from "./token-form.js";
import { transportsFor } from "./transports.js";
import { announce, put, showFigures, showTokenKept, showView } from "./view.js";

const meta = (name) => document.querySelector(`meta[name="${name}"]`).content;
const url = streamUrl(meta("datecast-ws"), location);
const token = new TabToken(httpUrl(url).href, () => sessionStorage);
// Before anything else reads the address, also when it changes.
takeFromAddress();
addEventListener("hashchange", () => { if (takeFromAddress()) { connection.connect(); } });
const fixed = fixedView(location.search);
const totals = { messages: 0, left: 0 };
const status = new Status({ url, name: meta("datecast-title") });
const more = new More();
const tokenForm = new TokenForm((entered) => { token.take(entered); connection.connect(); });
const clockView = new ClockView({ element: document.getElementById("clock-view"), onChange: tellViews });
const linesView = new LinesView({
  element: document.getElementById("lines"),
  fetchOlder: fetcherOfOlder({ url, token, idOf: (number) => connection.idOf(number) }),
  announce,
  onChange: (state) => { lines = state; tellViews(); },
});
const batches = new Batches(deliver);
let choice = new ViewChoice(fixed);
let view = "none";
let lines = { paused: false, unseen: 0 };
let needsToken = token.value !== null;

const connection = new Connection({
  url,
  token,
  transports: transportsFor(new URLSearchParams(location.search).get("via")),
  onMessage: receive,
  onResume: ({ after }) => say(`Resumed after message ${after}: none was missed.`),
  onGap: tellGap,
  onSource: tellSource,
  onState: enter,
});

/** The token that the page's address brings is the tab's from now on, and stands there no more. Returns whether it brought one. */
function takeFromAddress() {
  const { token: found, href } = takeToken(location.href);
  if (href !== null) {
    history.replaceState(history.state, "", href);
  }
  if (found !== null) {
    token.take(found);
  }
  return found !== null;
}

function receive({ text, id, number }) {
  if (number === null && isLeaveNotice(text)) {
    totals.left += 1;
    say(text, "notice");
  } else {
    batches.add({ number, id, text, wall: Date.now(), at: performance.now() });
  }
}

/** What came until this frame. Both views get all of it, so that one can take the other's place at any time. */
function deliver(records) {
  for (const { text } of records) {
    if (choice.settled) {
      break;
    }
    if (choice.see(text)) {
      show(choice.view);
    }
  }
  for (const record of records) {
    clockView.add(record, record.at);
  }
  linesView.add(records);
  totals.messages += records.length;
  status.came(records.length);
}

function show(next) {
  if (next === view) {
    return;
  }
  view = next;
  showView(view);
  const [shown, hidden] = view === "clock" ? [clockView, linesView] : [linesView, clockView];
  hidden.hide();
  shown.show();
  more.close();
  tellViews();
}

/** The state of the view that is shown, for the status and the title. */
function tellViews() {
  const { paused, unseen } = view === "clock" ? { paused: clockView.paused, unseen: clockView.whilePaused } : lines;
  status.setView({ view, paused, unseen });
}

/** A row of the page's own among the messages, behind all that came before it. */
function say(text, kind = "event") {
  batches.flush();
  const row = { text, kind, wall: Date.now() };
  clockView.event(row);
  linesView.event(row);
}

/** What a reader should know of messages that do not come. */
function tellGap({ missed, stream }) {
  if (stream === "new") {
    batches.flush();
    // The new stream may be of another kind. Its number 1 is not the old one's.
    choice = new ViewChoice(fixed);
    linesView.reset();
    status.setSource({ phase: "running", said: "" });
    say("New stream: it has begun anew, and all that it keeps follows.");
  } else if (missed === null) {
    say("Some messages may be missed: the server does not know this place in the stream.");
  } else {
    say(`${counted(missed, "message")} missed.`);
  }
}

/** What writes the messages runs, will run again, or has ended. */
function tellSource(source) {
  const row = status.setSource(source);
  if (row !== null) {
    say(row, source.phase === "running" ? "event" : "event source");
    announce(row);
    if (view === "none") {
      put("waiting", row);
    }
  }
}

function enter(next) {
  const news = status.setConnection(next);
  if (next.phase === "open") {
    opened();
  }
  showToken(next);
  if (news.announce !== null) {
    announce(news.announce);
  }
  if (news.row !== null) {
    say(news.row, "event lost");
  }
}

/** Whether the page asks for a token, and whether it has one. */
function showToken({ phase, why }) {
  if (phase === "refused") {
    tokenForm.ask(why);
  } else if (phase !== "connecting") {
    tokenForm.hide();
  }
  showTokenKept(token.value !== null);
  if (!needsToken && (phase === "refused" || token.value !== null)) {
    needsToken = true;
    showCommands(url, { needsToken });
  }
}

function opened() {
  if (totals.messages === 0) {
    // Without an id of a message to resume after, nothing tells that this is another stream: the server says it if its source has ended, too.
    status.setSource({ phase: "running", said: "" });
    put("waiting", "Waiting for the first message…");
  }
  clockView.restart();
  document.getElementById("pause").disabled = false;
}

/** Four times a second: how long it has been, how long it will be. */
function tick() {
  const now = performance.now();
  status.draw();
  if (view === "clock" || more.isOpen) {
    showFigures({ ...totals, reconnects: status.reconnects }, { rate: clockView.rate(now), isEnded: status.isEnded });
  }
  const silence = view === "clock" && status.isOpen ? clockView.deadSilence(now) : null;
  if (silence !== null) {
    connection.giveUp(`no message for ${Math.round(silence / 1000)} s`);
  }
}

function pauseOrGoOn(event) {
  clockView.pause(!clockView.paused);
  event.target.textContent = clockView.paused ? "Go on" : "Pause";
  document.body.classList.toggle("paused", clockView.paused);
  announce(clockView.paused ? "Paused. Messages are still counted." : "Going on.");
}

document.getElementById("pause").addEventListener("click", pauseOrGoOn);
document.getElementById("retry").addEventListener("click", () => connection.connect());
document.getElementById("forget").addEventListener("click", () => {
  token.forget();
  // What the token has shown goes with it.
  location.reload();
});
// From here on the page is this script's: start.js loads the plain list if it does not get so far.
document.documentElement.dataset.page = "full";
setInterval(tick, 250);
showCommands(url, { needsToken });
copyCommands(announce);
connection.connect();
