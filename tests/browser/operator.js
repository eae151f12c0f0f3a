// Uses the console of a Nacos as an operator does, in a real browser, beside a site that is registered there: sees the
// services, takes one offline and online again, publishes a document with live settings, and looks at what the site does.
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

async function register() {
  const body = new URLSearchParams({ username: `op${Date.now()}`, password: "correct horse battery" });
  return (await fetch(`${site}/user/register`, { method: "POST", body })).status;
}

async function publish(page, text) {
  await page.waitForSelector(".monaco-editor .view-lines");
  // The editor is filled as the page itself does it: typed text would be completed and indented by the editor.
  await page.evaluate((text) => window.monaco.editor.getModels().forEach((model) => model.setValue(text)), text);
  await page.click("button:has-text('Publish')");
}

async function publishLiveSettings(page) {
  assert.strictEqual(await register(), 200);
  await page.goto(`${console_}/newconfig?serverId=center&namespace=fanone&edasAppName=&edasAppId=&searchDataId=&searchGroup=`);
  await page.fill("#dataId", "fanone.http.toml");
  await page.click("label:has-text('TOML')");
  const begun = Date.now();
  await publish(page, "# No new accounts until the move is over.\n[features]\nregistration = false\n");
  while (await register() !== 503) {
    // The click, and Nacos' own writing, are in it.
    assert(Date.now() - begun < 2 * SOON_MS, "the site does not follow what was published");
    await new Promise((done) => setTimeout(done, 100));
  }
  console.log(`operator: published and in force after ${Date.now() - begun} ms`);
  await page.goto(`${console_}/configurationManagement?dataId=&group=&appName=&namespace=fanone`);
  await page.waitForSelector(`td >> text="fanone.http.toml"`);
  await picture(page, "nacos-documents");
}

// The digest of what a listener holds shows up to a minute late; it is waited for if there is to be a picture.
async function weAreListening(page) {
  await page.goto(`${console_}/listeningToQuery?namespace=fanone&dataId=fanone.http.toml&group=DEFAULT_GROUP`);
  await page.fill("#dataId", "fanone.http.toml");
  await page.fill("#group", "DEFAULT_GROUP");
  const begun = Date.now();
  do {
    assert(Date.now() - begun < 90_000, "the site does not stand in the listening query");
    await page.click("button:has-text('Search')");
    await new Promise((done) => setTimeout(done, 1000));
  } while (await page.locator("td").getByText(pictures ? /^[0-9a-f]{32}$/ : /^[0-9]+(\.[0-9]+){3}$/).count() === 0);
  await picture(page, "nacos-listeners");
}

async function deleteLiveSettings() {
  const login = await fetch(`${origin}/nacos/v1/auth/login`, {
    method: "POST", body: new URLSearchParams({ username, password: decodeURIComponent(password) }),
  });
  const { accessToken } = await login.json();
  const query = new URLSearchParams({ dataId: "fanone.http.toml", group: "DEFAULT_GROUP", tenant: "fanone", accessToken });
  await fetch(`${origin}/nacos/v1/cs/configs?${query}`, { method: "DELETE" });
}

async function main() {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  const page = await browser.newPage({ locale: "en-US", viewport: { width: 1200, height: 640 } });
  page.setDefaultTimeout(30_000);
  await deleteLiveSettings();
  try {
    for (const step of [logIn, servicesAreListed, openVideo, offlineAndOnline, publishLiveSettings, weAreListening]) {
      await step(page);
      console.log(`operator: ${step.name}`);
    }
  } finally {
    await deleteLiveSettings();
    await browser.close();
  }
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
