// The npm package of the client: what is in it, that programs can load it, and its types.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const client = fileURLToPath(new URL("../../client", import.meta.url));
const tsc = fileURLToPath(new URL("node_modules/typescript/bin/tsc", import.meta.url));
const FILES = ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "datecast-continuity.mjs", "datecast-loop.mjs", "datecast-read.mjs", "datecast-shared.mjs", "datecast.d.mts", "datecast.d.ts",
  "datecast.js", "datecast.mjs", "flash/FABridge.js", "flash/NOTICE", "flash/WebSocketMain.swf", "flash/swfobject.js", "flash/web_socket.js", "package.json"];

/** Packs the package into a folder of its own, and gives the folder and what npm says of it. */
async function packed(t) {
  const folder = await mkdtemp(join(tmpdir(), "datecast-package-"));
  t.after(() => rm(folder, { recursive: true }));
  const { stdout } = await run("npm", ["pack", "--json", "--offline", "--pack-destination", folder], { cwd: client });
  const [said] = JSON.parse(stdout);
  const home = join(folder, "node_modules", "datecast");
  await mkdir(home, { recursive: true });
  await run("tar", ["-xzf", join(folder, said.filename), "-C", home, "--strip-components=1"]);
  return { folder, said };
}

test("the package holds exactly its files, and loads as a module and by require", async (t) => {
  const { folder, said } = await packed(t);
  assert.deepEqual(said.files.map(({ path }) => path).sort(), FILES);
  await writeFile(join(folder, "module.mjs"), 'import open, { datecast, read, DatecastRefused } from "datecast";\nconsole.log(open === datecast, typeof read, new DatecastRefused({ reason: "x", status: 401 }).status);\n');
  await writeFile(join(folder, "script.cjs"), 'const datecast = require("datecast");\nconsole.log(typeof datecast, datecast.length);\n');
  assert.equal((await run(process.execPath, ["module.mjs"], { cwd: folder })).stdout, "true function 401\n");
  assert.equal((await run(process.execPath, ["script.cjs"], { cwd: folder })).stdout, "function 2\n");
});

test("each file that a page includes is found by its name in the package", async (t) => {
  const { folder } = await packed(t);
  const names = ["datecast.js", "datecast.mjs", "flash/web_socket.js", "flash/swfobject.js", "flash/WebSocketMain.swf", "package.json"];
  await writeFile(join(folder, "script.cjs"), `${JSON.stringify(names)}.forEach((name) => console.log(require.resolve("datecast/" + name).endsWith(name)));\n`);
  assert.equal((await run(process.execPath, ["script.cjs"], { cwd: folder })).stdout, "true\n".repeat(names.length));
});

test("its version is that of the workspace", async () => {
  const { version } = JSON.parse(await readFile(join(client, "package.json"), "utf8"));
  const manifest = await readFile(join(client, "../Cargo.toml"), "utf8");
  assert.equal(version, /^version = "(.*)"$/m.exec(manifest)[1]);
});

test("the types hold for programs that use them, and refuse what is wrong", async () => {
  const options = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--module", "nodenext", "--target", "es2022", "--lib", "es2022,dom,dom.iterable"];
  await run(process.execPath, [tsc, ...options, "tests/consumer.mts", "tests/consumer.cts"], { cwd: client }).catch(({ stdout }) => assert.fail(stdout));
});
