// The programs that the tests start: those that `cargo build` has made, or those that the environment names.

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const built = resolve(fileURLToPath(new URL("../..", import.meta.url)), process.env.CARGO_TARGET_DIR ?? "target", "debug");

export const binaries = {
  staticServer: process.env.STATIC_SERVER ?? `${built}/static-server`,
  wsServer: process.env.WS_SERVER ?? `${built}/ws-server`,
  datecast: process.env.DATECAST ?? `${built}/datecast`,
};

/** Ends the process where one of them is not there. */
export function mustBeBuilt() {
  const missing = Object.values(binaries).filter((path) => !existsSync(path));
  if (missing.length > 0) {
    console.log(`not ok: no ${missing.join(" and no ")}: build the workspace first`);
    process.exit(1);
  }
}
