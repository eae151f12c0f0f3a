// Uses the site's pages as people do, in a real browser: signs up, publishes, watches, seeks, comments, searches,
// opens the API document. Nothing may be asked of another host, and no script may fail.
// Usage: node watch.js SITE CHROMIUM CLIP…
const assert = require("node:assert");
const { chromium } = require("playwright-core");

const [site, executablePath, ...clips] = process.argv.slice(2);
const TITLES = clips.map((_, number) => `Clip ${number} 短片`);

async function signUp(page) {
  await page.goto(`${site}/#/register`);
  await page.fill("[name=username]", "browser");
  await page.fill("[name=password]", "a-long-password");
  await page.click("form.box button");
  await page.waitForSelector("nav >> text=Log out");
}

async function publish(page, clip, title) {
  await page.goto(`${site}/#/upload`);
  await page.fill("[name=title]", title);
  await page.setInputFiles("[name=data]", clip);
  await page.click("form.box button");
  await page.waitForSelector(`.card >> text=${title}`);
}

async function feedShowsTheVideos(page) {
  await page.goto(`${site}/#/`);
  await page.waitForSelector("h2:text-is('Latest')");
  assert.deepEqual(await page.locator(".card h3").allTextContents(), [...TITLES].reverse());
  await page.waitForFunction(() => [...document.querySelectorAll(".card img")].every((image) => image.naturalWidth > 0));
}

async function videoPlaysAndSeeks(page) {
  const media = page.waitForResponse((response) => response.url().endsWith(".mp4"));
  await page.click(`.card >> text=${TITLES[0]}`);
  assert.equal((await media).status(), 206, "the player asks for ranges and gets them");
  const { after, middle, error } = await page.locator("video").evaluate(async (video) => {
    const event = (name) => new Promise((done) => video.addEventListener(name, done, { once: true }));
    video.muted = true;
    await video.play();
    const middle = video.duration / 2;
    const [seeking, seeked] = [event("seeking"), event("seeked")];
    video.currentTime = middle;
    await seeking;
    await seeked;
    await event("timeupdate");
    return { after: video.currentTime, middle, error: video.error?.message };
  });
  assert.equal(error, undefined);
  assert(after >= middle, `plays on from the middle, ${middle} s: at ${after} s`);
}

async function likesAndComments(page) {
  await page.click("button:text-is('♡ 0')");
  await page.waitForSelector("button:text-is('♥ 1')");
  await page.fill("section form input", "<b>很好看</b>");
  await page.click("section form button");
  await page.waitForSelector(".comment p:text-is('<b>很好看</b>')");
  await page.reload();
  await page.waitForSelector(".comment p:text-is('<b>很好看</b>')");
}

async function searchFinds(page) {
  const search = async (words) => {
    await page.fill("#search input", words);
    await page.press("#search input", "Enter");
    await page.waitForSelector(`h2:text-is('Found: ${words}')`);
    return page.locator(".card").count();
  };
  assert.equal(await search("短片"), TITLES.length);
  assert.equal(await search("no such words"), 0);
}

async function documentOpens(page) {
  await page.goto(`${site}/docs`);
  await page.waitForSelector(".opblock");
  const paths = Object.values((await (await fetch(`${site}/openapi.json`)).json()).paths);
  const operations = paths.reduce((sum, path) => sum + Object.keys(path).length, 0);
  assert(await page.locator(".opblock").count() >= operations, `all ${operations} operations are shown`);
}

async function main() {
  const browser = await chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
  });
  const page = await browser.newPage({ locale: "en-US" });
  page.setDefaultTimeout(30_000);
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(error.message));
  page.on("console", (message) => message.type() === "error" && wrong.push(message.text()));
  await page.route((url) => url.protocol !== "data:" && url.origin !== site, (route) => {
    wrong.push(`asked ${route.request().url()}`);
    return route.abort();
  });
  await signUp(page);
  for (const [number, clip] of clips.entries()) await publish(page, clip, TITLES[number]);
  for (const step of [feedShowsTheVideos, videoPlaysAndSeeks, likesAndComments, searchFinds, documentOpens]) {
    await step(page);
    console.log(`browser: ${step.name}`);
  }
  await browser.close();
  assert.deepEqual(wrong, []);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
