// Programs that are started for a test and end with it, each with all that it has started itself.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";

const running = new Set();

/** Starts `command` in a process group of its own, in the folder `home`. What it says on standard error goes into `home`/errors. */
export function begin([command, ...args], { home, env = {}, stdout = "pipe" }) {
  const errors = openSync(`${home}/errors`, "a");
  // The kernel ends it if we are killed.
  const child = spawn("setpriv", ["--pdeathsig", "KILL", command, ...args], {
    cwd: home, detached: true, stdio: ["ignore", stdout, errors], env: { ...surroundings(home), ...env },
  });
  closeSync(errors);
  running.add(child);
  child.once("exit", () => running.delete(child));
  child.on("error", () => running.delete(child));
  return child;
}

/** Nothing of this machine's user but the path: an engine that finds settings, a language or a proxy behaves otherwise. */
function surroundings(home) {
  return { PATH: process.env.PATH, HOME: home, XDG_RUNTIME_DIR: home, TMPDIR: home, LANG: "C.UTF-8", TZ: "UTC", LIBGL_ALWAYS_SOFTWARE: "1" };
}

export const isOver = (child) => child.exitCode !== null || child.signalCode !== null;

function signal(child, name) {
  try {
    process.kill(-child.pid, name);
  } catch {
    // The group has ended.
  }
}

/** Ends the process group, and waits until the process itself is gone. */
export async function end(child) {
  if (child.pid === undefined) {
    return;
  }
  if (!isOver(child)) {
    const gone = once(child, "exit");
    signal(child, "SIGTERM");
    const late = setTimeout(() => signal(child, "SIGKILL"), 2000);
    await gone;
    clearTimeout(late);
  }
  // What it has left behind.
  signal(child, "SIGKILL");
}

process.on("exit", () => [...running].forEach((child) => signal(child, "SIGKILL")));
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(name, () => process.exit(130));
}

/** Waits until `condition` gives something, at most so many seconds; `what` says what did not come. */
export async function until(condition, seconds, what) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const found = await condition();
    if (found) {
      return found;
    }
    if (Date.now() > deadline) {
      throw new Error(`${typeof what === "function" ? what() : what} within ${seconds} s`);
    }
    await new Promise((done) => { setTimeout(done, 200); });
  }
}
