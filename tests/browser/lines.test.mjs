// The view of lines without a browser: what a terminal would show, the store, searching, colours. `node --test`.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import { Chance } from "../../client/tests/chance.mjs";
import { BOLD, DIM, INVERSE, ITALIC, NONE, STRIKE, TRUE_COLOUR, UNDERLINE, columns, parse, plain } from "../../static-server/page/ansi.js";
import { contrast, dress, readable, rgb } from "../../static-server/page/lines-colours.js";
import { segments } from "../../static-server/page/lines-rows.js";
import { LineStore } from "../../static-server/page/lines-store.js";
import { Matches, compile, complaint, rangesOf } from "../../static-server/page/search.js";

const page = (name) => readFileSync(new URL(`../../static-server/page/${name}`, import.meta.url), "utf8");
const styles = (line) => parse(line).spans.map(({ start, end, style }) => [parse(line).text.slice(start, end), style.fg, style.bg, style.flags]);

test("text without a control is itself", () => {
  for (const text of ["", "vmstat", " 1\t2 ", "日本語 é 🦀", "[31m is no sequence"]) {
    assert.deepEqual(parse(text), { text, spans: [] });
  }
});

test("every kind of style is a span of its own", () => {
  const rows = [
    ["\x1b[31mred\x1b[0m plain", [["red", 1, NONE, 0]]],
    ["\x1b[91;104mx\x1b[39my\x1b[49mz", [["x", 9, 12, 0], ["y", NONE, 12, 0]]],
    ["\x1b[1mb\x1b[22m\x1b[2md\x1b[22m\x1b[3mi\x1b[23m\x1b[4mu\x1b[24m\x1b[7mv\x1b[27m\x1b[9ms\x1b[29mn",
      [["b", NONE, NONE, BOLD], ["d", NONE, NONE, DIM], ["i", NONE, NONE, ITALIC], ["u", NONE, NONE, UNDERLINE], ["v", NONE, NONE, INVERSE], ["s", NONE, NONE, STRIKE]]],
    ["\x1b[38;5;208mo\x1b[48;5;17mg\x1b[m.", [["o", 208, NONE, 0], ["g", 208, 17, 0]]],
    ["\x1b[38;2;255;128;0mo", [["o", TRUE_COLOUR + 0xff8000, NONE, 0]]],
    ["\x1b[38:2::1:2:3ma\x1b[38:2:1:2:3mb\x1b[38:5:9mc", [["ab", TRUE_COLOUR + 0x010203, NONE, 0], ["c", 9, NONE, 0]]],
    ["\x1b[58;5;1;4mu\x1b[4:3mc\x1b[4:0mn", [["uc", NONE, NONE, UNDERLINE]]],
    ["\x1b[31;38;5;300;1mx", [["x", 1, NONE, BOLD]]],
    ["\x9b32mc1", [["c1", 2, NONE, 0]]],
  ];
  for (const [line, wanted] of rows) {
    assert.deepEqual(styles(line), wanted, JSON.stringify(line));
  }
});

test("what is no style is removed, and what is text stays", () => {
  const rows = [
    ["\x1b]8;;http://example.org\x1b\\link\x1b]8;;\x1b\\ end", "link end"],
    ["\x1b]0;title\x07text", "text"],
    ["\x1bPq#0;2;0\x1b\\sixel", "sixel"],
    ["\x1b_apc\x9cafter", "after"],
    ["\x1b[2J\x1b[10;20Hhome\x1b[?25l\x1b[>4;2m\x1b[ q", "home"],
    ["\x1b(B\x1b[m\x1b7a\x1b8b\x1bcc\x0e\x0fd", "abcd"],
    ["grep \x1b[01;31m\x1b[Kfound\x1b[m\x1b[K it", "grep found it"],
    ["cut off \x1b[38;5", "cut off "],
    ["\x1b]0;no end of the title", "0;no end of the title"],
    ["ends in \x1b", "ends in ␛"],
    ["nul \0 bell \x07 del \x7f c1 \x85", "nul ␀ bell ␇ del ␡ c1 \ufffd"],
    ["a\r", "a"],
    ["a\r\r", "a"],
  ];
  for (const [line, wanted] of rows) {
    assert.equal(plain(line), wanted, JSON.stringify(line));
  }
});

test("a line that is written over shows what a terminal's screen would", () => {
  const rows = [
    ["10%\r20%", "20%"],
    ["100%\r5%", "5%0%"],
    ["100%\r\x1b[K5%", "5%"],
    ["\x1b[2K\rdone", "done"],
    ["abc\x1b[1Kd\r", "   d"],
    ["abc\b\bX", "aXc"],
    ["ab\x1b[3Cc", "ab   c"],
    ["ab\x1b[1Gc", "cb"],
    ["abc\x1b[2Dx", "axc"],
    ["日本\rab", "ab本"],
    ["日本\ra", "a 本"],
    ["e\u0301x\rE", "Ex"],
    ["\ta\rb", "b       a"],
  ];
  for (const [line, wanted] of rows) {
    assert.equal(plain(line), wanted, JSON.stringify(line));
  }
  assert.deepEqual(styles("\x1b[31mred\r\x1b[32mgr"), [["gr", 2, NONE, 0], ["d", 1, NONE, 0]]);
});

test("a hostile line is read in a moment", () => {
  const lines = ["\x1b[".repeat(8192), "\x1b]".repeat(8192), "\x9d".repeat(16_384), "\x1b[99999C".repeat(2048), "\x1b[".padEnd(16_384, "1;"), "a\b".repeat(8192),
    "\x1b[38;5;1m".repeat(1600), "\r\x1b[K".repeat(4096), "日\r".repeat(5000)];
  for (const line of lines) {
    const before = performance.now();
    parse(line);
    assert.ok(performance.now() - before < 5_000, `${JSON.stringify(line.slice(0, 12))}: ${performance.now() - before} ms`);
  }
});

test("any bytes are read without an error, and leave no control behind", () => {
  const chance = new Chance(7);
  const alphabet = ["\x1b", "[", "]", "m", "K", ";", ":", "3", "8", "\r", "\b", "\t", "日", "🦀", "\u0301", "\0", "\x9b", "\x9c", "\\", "P", "G", "C", "x", "\x7f"];
  for (let round = 0; round < 5000; round += 1) {
    const line = Array.from({ length: chance.below(30) }, () => chance.of(alphabet)).join("");
    const { text, spans } = parse(line);
    assert.doesNotMatch(text, /[\0-\x08\n-\x1f\x7f-\x9f]/, JSON.stringify(line));
    let end = 0;
    for (const span of spans) {
      assert.ok(span.start >= end && span.end > span.start && span.end <= text.length, JSON.stringify(line));
      end = span.end;
    }
  }
});

test("columns count what a text takes", () => {
  assert.deepEqual(["", "abc", "a\tb", "日本", "e\u0301", "🦀", "\t\t"].map(columns), [0, 3, 9, 4, 1, 2, 16]);
});

test("segments cut at styles and marks", () => {
  const spans = [{ start: 2, end: 6, style: "S" }];
  const ranges = [{ start: 0, end: 3 }, { start: 5, end: 20 }];
  const cut = segments(8, spans, ranges).map(({ start, end, style, mark }) => [start, end, style, mark !== null]);
  assert.deepEqual(cut, [[0, 2, null, true], [2, 3, "S", true], [3, 5, "S", false], [5, 6, "S", true], [6, 8, null, true]]);
  assert.deepEqual(segments(0, spans, ranges), []);
});

const line = (number, text = `line ${number}`) => ({ number, id: null, text, wall: number * 10 });
const numbers = (from, to) => Array.from({ length: to - from }, (_, index) => line(from + index));

test("the store keeps lines and events in order, and finds by number", () => {
  const store = new LineStore();
  numbers(5000, 8000).forEach((record) => store.append(record));
  store.event({ text: "3 messages missed.", kind: "event", wall: 7 });
  numbers(8003, 9000).forEach((record) => store.append(record));
  assert.deepEqual([store.lines, store.end - store.first, store.oldest, store.newest], [3997, 3998, 5000, 8999]);
  assert.deepEqual(store.row(store.find(6789)), { text: "line 6789", number: 6789, wall: 67_890, kind: "line", isPresent: true });
  assert.deepEqual(store.row(store.first + 3000), { text: "3 messages missed.", number: null, wall: 7, kind: "event", isPresent: true });
  assert.deepEqual([store.find(4999), store.find(8001), store.find(9000)], [null, null, null]);
});

test("older lines go before the others, and no serial changes", () => {
  const store = new LineStore();
  numbers(5000, 5010).forEach((record) => store.append(record));
  const serial = store.find(5004);
  assert.equal(store.prepend(numbers(2000, 5000).map((record) => ({ ...record, wall: null }))), 3000);
  assert.equal(store.find(5004), serial);
  assert.deepEqual([store.lines, store.oldest, store.row(store.first).text, store.row(store.first).wall], [3010, 2000, "line 2000", null]);
  for (let number = 2000; number < 5010; number += 1) {
    assert.equal(store.row(store.find(number)).text, `line ${number}`);
  }
});

test("the store is bounded by lines and by bytes: the oldest leave", () => {
  const store = new LineStore({ mostLines: 5000, mostBytes: 1e9 });
  numbers(1, 20_001).forEach((record) => { store.append(record); store.trim(); });
  assert.ok(store.lines <= 5000 && store.lines > 5000 - 1024, `${store.lines}`);
  assert.deepEqual([store.newest, store.oldest], [20_000, 20_001 - store.lines]);
  assert.equal(store.find(store.oldest - 1), null);
  const small = new LineStore({ mostLines: 1e6, mostBytes: 100_000 });
  for (let number = 1; number < 20_000; number += 1) {
    small.append(line(number, "日本".repeat(4)));
    small.trim();
  }
  assert.ok(small.lines < 100_000 / 16 + 2048, `${small.lines}`);
  assert.equal(small.room(), small.lines < 1e6 && small.room() > 0 ? small.room() : 0);
});

test("numbers of a stream before are not those of the present one", () => {
  const store = new LineStore();
  numbers(1, 2001).forEach((record) => store.append(record));
  store.reset();
  assert.deepEqual([store.oldest, store.newest, store.find(5)], [null, null, null]);
  numbers(1, 11).forEach((record) => store.append(record));
  assert.deepEqual([store.oldest, store.newest, store.find(5), store.find(11), store.hasEarlierStream], [1, 10, 2004, null, true]);
  assert.equal(store.row(0).isPresent, false);
});

test("a line end within a text breaks no row", () => {
  const store = new LineStore();
  numbers(1, 1025).forEach((record) => store.append({ ...record, text: "a\nb\u2028c" }));
  store.append(line(1025));
  assert.equal(store.row(7).text, "a␊b␊c");
  assert.equal(store.texts(0, 1024, plain).split("\n").length, 1024);
});

test("texts for a search are what is shown", () => {
  const store = new LineStore();
  numbers(1, 3001).forEach((record) => store.append({ ...record, text: record.number === 1500 ? "\x1b[31mred\x1b[m" : record.text }));
  store.event({ text: "an event", kind: "event", wall: 0 });
  const { first, end } = store.block(1499);
  assert.equal(store.texts(first, end, plain).split("\n")[1499 - first], "red");
  assert.equal(store.texts(3000, 3001, plain), "");
  assert.deepEqual([store.isRead(0), store.isRead(1499)], [true, false]);
});

test("a search is for text or an expression, and a wrong one is said", () => {
  const found = (options, text) => rangesOf(compile({ isExpression: false, isExact: false, ...options }), text).map(({ start, end }) => text.slice(start, end));
  assert.deepEqual(found({ text: "a.c" }, "abc A.C a.c"), ["A.C", "a.c"]);
  assert.deepEqual(found({ text: "a.c", isExact: true }, "abc A.C a.c"), ["a.c"]);
  assert.deepEqual(found({ text: "a.c", isExpression: true }, "abc 🦀 a🦀c"), ["abc", "a🦀c"]);
  assert.deepEqual(found({ text: "\\d+\\-", isExpression: true }, "12-"), ["12-"]);
  assert.deepEqual(found({ text: "x*", isExpression: true }, "axxb"), ["xx"]);
  for (const special of ["(", "[", "a{2,1}", "\\", "*", "a/b", "-", "]"]) {
    assert.deepEqual(found({ text: special }, `<${special}>`), [special]);
  }
  assert.equal(compile({ text: "", isExpression: true, isExact: true }), null);
  assert.throws(() => compile({ text: "(", isExpression: true, isExact: false }), SyntaxError);
  for (const message of ["Invalid regular expression: /(/iu: Unterminated group", "unterminated parenthetical"]) {
    assert.match(complaint({ message }), /^unterminated/i);
  }
});

test("matches keep their places while others come and go at both ends", () => {
  const matches = new Matches();
  matches.push([100, 101, 105]);
  matches.unshift([50, 60]);
  matches.unshift([10]);
  const all = () => Array.from({ length: matches.count }, (_, index) => matches.at(matches.first + index));
  assert.deepEqual(all(), [10, 50, 60, 100, 101, 105]);
  assert.deepEqual([matches.placeOf(100), matches.placeOf(55), matches.at(matches.placeOf(55)), matches.placeOf(999)], [0, -1, 60, 3]);
  matches.dropBefore(55);
  assert.deepEqual(all(), [60, 100, 101, 105]);
  matches.dropBefore(101);
  assert.deepEqual([all(), matches.at(1)], [[101, 105], 101]);
  matches.unshift([70, 80]);
  matches.push([110]);
  assert.deepEqual([all(), matches.at(1), matches.at(0)], [[70, 80, 101, 105, 110], 101, 80]);
  matches.dropBefore(999);
  assert.deepEqual([matches.count, matches.first], [0, matches.end]);
});

test("the searching thread finds the same as the page", () => {
  const answers = [];
  const context = { postMessage: (answer) => answers.push(answer), RegExp, Uint32Array };
  runInNewContext(page("lines-search-worker.js"), context);
  context.onmessage({ data: compile({ text: "a.", isExpression: true, isExact: false }) });
  context.onmessage({ data: { key: 7, texts: "abc\n\nx\nAx ab" } });
  context.onmessage({ data: { serials: [3], parts: ["Ax ab"] } });
  assert.equal(answers[0].ready, true);
  assert.deepEqual([answers[1].key, [...answers[1].found]], [7, [0, 3]]);
  assert.deepEqual(JSON.parse(JSON.stringify(answers[2])), { serials: [3], parts: [[0, 2, 3, 5]] });
});

const variables = (block) => Object.fromEntries([...block.matchAll(/--([\w-]+): (#\w{6})/g)].map((match) => [match[1], Number.parseInt(match[2].slice(1), 16)]));
const [light, dark] = [...page("lines.css").matchAll(/:root \{([^}]*)\}/g)].map((match) => variables(match[1]));

test("the sixteen colours can be read on both grounds, also dimmed, inverse and on the ground of a row", () => {
  const dimmed = Number(/\.dim \{ opacity: ([\d.]+)/.exec(page("lines.css"))[1]);
  const mixed = (one, other) => [16, 8, 0].reduce((sum, shift) => sum | Math.round(((one >> shift) & 255) * dimmed + ((other >> shift) & 255) * (1 - dimmed)) << shift, 0);
  for (const colours of [light, dark]) {
    for (let index = 0; index < 16; index += 1) {
      const colour = colours[`ansi-${index}`];
      assert.ok(contrast(colour, colours.ground) >= 4.5, `${index}: ${contrast(colour, colours.ground)}`);
      assert.ok(contrast(mixed(colour, colours.ground), colours.ground) >= 4.5, `${index} dimmed: ${contrast(mixed(colour, colours.ground), colours.ground)}`);
      for (const other of ["bar", "target"]) {
        assert.ok(contrast(colour, colours[other]) >= 4.5, `${index} on ${other}: ${contrast(colour, colours[other])}`);
      }
    }
    assert.ok(contrast(colours.gutter, colours.ground) >= 4.5 && contrast(colours["mark-ink"], colours.mark) >= 4.5);
  }
});

test("the grounds are the same in script and style", () => {
  const script = page("lines-colours.js");
  assert.ok(script.includes(`light: 0x${light.ground.toString(16).padStart(6, "0")}`) && script.includes(`dark: 0x${dark.ground.toString(16).padStart(6, "0")}`));
});

test("every colour of the palette, and any true colour, can be read wherever it stands", () => {
  const value = ({ properties }, name) => Number.parseInt(properties.find(([key]) => key === name)[1].slice(1), 16);
  const some = [...Array.from({ length: 240 }, (_, index) => 16 + index), ...[0, 0xffffff, 0xff0000, 0xffff00, 0x808080].map((colour) => TRUE_COLOUR + colour)];
  for (const fg of some) {
    const dressed = dress({ fg, bg: NONE, flags: 0 });
    assert.ok(contrast(value(dressed, "--on-light"), light.ground) >= 4.5, `${fg}`);
    assert.ok(contrast(value(dressed, "--on-dark"), dark.ground) >= 4.5, `${fg}`);
  }
  for (const bg of [...Array(16).keys(), ...some]) {
    for (const fg of [NONE, 0, 1, 7, 15, bg]) {
      for (const flags of [0, INVERSE]) {
        const dressed = dress({ fg, bg, flags });
        assert.ok(contrast(value(dressed, "--text"), value(dressed, "--brought")) >= 4.5, `${fg} on ${bg}`);
      }
    }
  }
  assert.deepEqual([rgb(16), rgb(231), rgb(196), rgb(232), rgb(255), rgb(TRUE_COLOUR + 5)], [0, 0xffffff, 0xff0000, 0x080808, 0xeeeeee, 5]);
  assert.equal(readable(0x123456, 0xffffff), 0x123456);
});
