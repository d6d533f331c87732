// Counts checks, and prints a line for each: `ok …`, `not ok …`, or `NOT RUN …`.

const onOneLine = (text) => String(text).replaceAll("\n", " ").slice(0, 1_500);

export class Tally {
  #ok = 0;
  #failed = 0;
  #notRun = 0;

  /** Runs the check `name` of `who`: what `body` throws is the reason why it does not hold. Gives whether it holds. */
  async check(who, name, body) {
    const began = Date.now();
    try {
      await body();
    } catch (error) {
      this.fail(`${who}: ${name}: ${onOneLine(error.message ?? error)}`);
      return false;
    }
    this.#ok += 1;
    console.log(`ok ${who}: ${name} (${Math.round((Date.now() - began) / 1000)} s)`);
    return true;
  }

  /** Checks of one browser. */
  checker(who) {
    return (name, body) => this.check(who, name, body);
  }

  /** Something went wrong that is no check's. */
  fail(what) {
    this.#failed += 1;
    console.log(`not ok ${what}`);
  }

  /** So many checks of `who` cannot run here. */
  skip(who, reason, count) {
    this.#notRun += count;
    console.log(`NOT RUN ${who}: ${reason} (${count} checks)`);
  }

  /** Prints the sums, and ends the process. */
  end() {
    console.log(`${this.#ok} passed, ${this.#failed} failed, ${this.#notRun} not run`);
    process.exit(this.#failed === 0 ? 0 : 1);
  }
}
