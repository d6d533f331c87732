// The browsers, as Debian installs them.

import puppeteer from "puppeteer-core";

const CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];

export const BROWSERS = {
  chromium: { browser: "chrome", executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: CHROMIUM_FLAGS },
  firefox: { browser: "firefox", executablePath: process.env.FIREFOX ?? "/usr/bin/firefox-esr" },
};

/** `scheme` is light or dark: Firefox takes it from a preference at its start, as others. */
export function launch(name, scheme = "light", preferences = {}) {
  const extraPrefsFirefox = { "layout.css.prefers-color-scheme.content-override": scheme === "dark" ? 0 : 1, ...preferences };
  return puppeteer.launch({ ...BROWSERS[name], headless: true, extraPrefsFirefox });
}

/** Calls `body` with a page in light and one in dark. */
export async function inBothSchemes({ name, browser }, body) {
  for (const scheme of ["light", "dark"]) {
    const dark = name === "firefox" && scheme === "dark" ? await launch(name, scheme) : null;
    const page = await (dark ?? browser).newPage();
    if (name === "chromium") {
      await page.emulateTimezone("Europe/Berlin");
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    }
    await page.setViewport({ width: 1280, height: 860 });
    await body(page, scheme);
    await page.close();
    await dark?.close();
  }
}

/** Every error that the page's console shows or a script throws, from now on. */
export function watchConsole(page) {
  const errors = [];
  page.on("console", (message) => {
    if (message.type() === "error") {
      errors.push(message.text());
    }
  });
  page.on("pageerror", (error) => errors.push(`uncaught: ${error.message}`));
  return errors;
}
