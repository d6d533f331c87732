// The page behind a proxy with a self-signed certificate: `node one_origin.mjs URL` prints how the page is connected.

import { BROWSERS, launch, watchConsole } from "./browsers.mjs";

BROWSERS.chromium.args.push("--ignore-certificate-errors");
const browser = await launch("chromium");
try {
  const page = await browser.newPage();
  const errors = watchConsole(page);
  await page.goto(process.argv[2]);
  await page.waitForFunction(() => document.querySelectorAll("#messages .message").length >= 3, { timeout: 20_000 });
  console.log(await page.$eval("#detail", (element) => element.textContent));
  console.log(errors.join("\n"));
  process.exitCode = errors.length === 0 ? 0 : 1;
} finally {
  await browser.close();
}
