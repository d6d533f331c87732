// What Linux says of a process and of its network: memory, time of the processor, bytes.

import { existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync } from "node:fs";
import process from "node:process";

const read = (path) => readFileSync(path, "utf8");
const PAGE = 4096;

/** Seconds that all threads of a process have run; those of a child that has ended are lost. */
export function processorTime(pid) {
  return readdirSync(`/proc/${pid}/task`)
    .map((thread) => Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(" ")[0]))
    .reduce((sum, nanoseconds) => sum + nanoseconds, 0) / 1e9;
}

/** Bytes of memory that a process has for itself: resident pages that no file backs. */
export function ownMemory(pid) {
  const [, resident, shared] = read(`/proc/${pid}/statm`).split(" ").map(Number);
  return (resident - shared) * PAGE;
}

/** Bytes that went over the loopback of this network namespace, frames whole. */
export function wire() {
  const fields = /^ *lo: *(.*)$/m.exec(read("/proc/self/net/dev"))[1].split(/ +/);
  return Number(fields[0]);
}

/** A memory group of the first version, as its children get one: the kernel counts in it what it keeps for its processes. */
export class MemoryGroup {
  #path;

  constructor() {
    const own = /^\d+:memory:(.*)$/m.exec(read("/proc/self/cgroup"))?.[1];
    const parent = `/sys/fs/cgroup/memory${own}`;
    if (own === undefined || !existsSync(`${parent}/memory.kmem.usage_in_bytes`)) {
      return;
    }
    const path = `${parent}/slopes-${process.pid}-${Math.random().toString(36).slice(2)}`;
    try {
      mkdirSync(path);
      this.#path = path;
    } catch {
      // Not ours to make: then the kernel's share is not measured.
    }
  }

  /** A shell command that starts `command` inside it. */
  around(command) {
    return this.#path === undefined ? command : ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', this.#path, ...command];
  }

  /** Bytes that the kernel keeps for its processes, but for the sockets of connections; NaN where it does not say. */
  get kernel() {
    return this.#path === undefined ? NaN : Number(read(`${this.#path}/memory.kmem.usage_in_bytes`));
  }

  /** Once its processes have ended. */
  remove() {
    if (this.#path !== undefined) {
      rmdirSync(this.#path);
    }
  }
}

/** Bytes of one connection's socket, which the kernel counts in no group: a packet made it, no process. */
export const socketSize = () => Number(/^TCP +\d+ +\d+ +(\d+)/m.exec(read("/proc/slabinfo"))?.[1] ?? NaN);
