// Uses the console of a Nacos as an operator does, in a real browser, beside a site that is registered there: sees the
// services, takes one offline and online again, and looks at what the site does.
// Usage: node operator.js SITE CHROMIUM CONSOLE [FOLDER-FOR-PICTURES]   CONSOLE: http://USER:PASSWORD@HOST:PORT/nacos
const assert = require("node:assert");
const { chromium } = require("playwright-core");

const [site, executablePath, place, pictures] = process.argv.slice(2);
const { origin, username, password } = new URL(place);
const console_ = `${origin}/nacos/#`;
const SERVICES = ["fanone.http", "fanone.interaction", "fanone.social", "fanone.user", "fanone.video"];
// What an operator changes counts within this.
const SOON_MS = 2000;

async function picture(page, name) {
  if (pictures) await page.screenshot({ path: `${pictures}/${name}.png` });
}

// What the site answers to something that only the video service can do: HTTP 200 or 503.
async function status() {
  return (await fetch(`${site}/video/feed`)).status;
}

async function becomes(wanted) {
  const begun = Date.now();
  while (await status() !== wanted) {
    assert(Date.now() - begun < SOON_MS, `the site does not answer ${wanted} within ${SOON_MS} ms of the click`);
    await new Promise((done) => setTimeout(done, 20));
  }
  return Date.now() - begun;
}

async function logIn(page) {
  await page.goto(`${console_}/login`);
  await page.fill("#username", username);
  await page.fill("#password", decodeURIComponent(password));
  await page.click("button:has-text('Submit')");
  await page.waitForURL((url) => !url.hash.startsWith("#/login"));
}

async function servicesAreListed(page) {
  await page.goto(`${console_}/serviceManagement?namespace=fanone`);
  for (const service of SERVICES) await page.waitForSelector(`td >> text="${service}"`);
  await picture(page, "nacos-services");
}

async function openVideo(page) {
  await page.goto(`${console_}/serviceDetail?name=fanone.video&groupName=DEFAULT_GROUP&namespace=fanone`);
  for (const text of ["language=rust", "protocol=thrift", "transport=ttheader"]) await page.waitForSelector(`td >> text=${text}`);
}

async function offlineAndOnline(page) {
  await becomes(200);
  await page.click("button:has-text('Offline')");
  const offline = await becomes(503);
  await page.waitForSelector("button:has-text('Online')");
  await picture(page, "nacos-offline");
  await page.click("button:has-text('Online')");
  console.log(`operator: offline after ${offline} ms, online after ${await becomes(200)} ms`);
}

async function main() {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  const page = await browser.newPage({ locale: "en-US", viewport: { width: 1200, height: 640 } });
  page.setDefaultTimeout(30_000);
  for (const step of [logIn, servicesAreListed, openVideo, offlineAndOnline]) {
    await step(page);
    console.log(`operator: ${step.name}`);
  }
  await browser.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
