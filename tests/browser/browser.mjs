// What both scripts need: a browser, a page whose complaints are collected, and sentences for what is wrong.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";

const FLAGS = [
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
export const PATIENCE_MS = Number(process.env.PATIENCE_MS ?? 60_000);

export function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
}

/** Ends the script with a sentence when something is not as it should be. */
export function check(condition, sentence) {
  if (!condition) throw new Error(sentence);
}

/** Waits for something that only this process can see. */
export async function eventually(condition, sentence) {
  const until = Date.now() + PATIENCE_MS;
  while (!condition()) {
    check(Date.now() < until, sentence);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A page in a context of its own: separate storage, own size and colours. */
export async function openPage(browser, url, { width = 1280, height = 860, dark = false, complaints }) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: dark ? "dark" : "light" });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.on("pageerror", (error) => complaints.push(`the page threw: ${error.message}`));
  page.on("console", (message) => {
    if (/Content Security Policy|Refused to/.test(message.text())) complaints.push(`policy: ${message.text()}`);
  });
  page.on("request", (request) => {
    if (new URL(request.url()).host !== new URL(url).host) complaints.push(`foreign request: ${request.url()}`);
  });
  await page.goto(url);
  return page;
}

export async function signIn(page, email, password) {
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await readyToAsk(page);
}

export async function readyToAsk(page) {
  await page.locator("#question:enabled").waitFor();
  await page.getByText("Connected", { exact: true }).waitFor();
}

export async function ask(page, question) {
  await page.locator("#question").fill(question);
  await page.locator("#question").press("Enter");
  return page.locator(".turn").last();
}

/** Waits until the turn has ended and says how. */
export async function ending(turn) {
  const over = ["completed", "failed", "incomplete"].map((phase) => `.turn[data-phase="${phase}"]`).join(",");
  await turn.and(turn.page().locator(over)).waitFor();
  return turn.getAttribute("data-phase");
}

export async function answerOf(turn) {
  await turn.getByRole("tab", { name: "Answer" }).click();
  return turn.locator(".answer__text").innerText();
}

export async function noSidewaysScroll(page, where) {
  const [content, window] = await page.evaluate(() => {
    const scroller = document.querySelector(".scroller") ?? document.documentElement;
    const widest = Math.max(document.documentElement.scrollWidth, document.body.scrollWidth);
    return [Math.max(widest, scroller.scrollWidth), innerWidth];
  });
  check(content <= window, `${where} is ${content} px wide in a window of ${window} px: it scrolls sideways.`);
}

/** Takes screenshots into SCREENSHOT_DIR; without it, none. */
export function photographer() {
  const folder = process.env.SCREENSHOT_DIR;
  return async (page, name) => {
    if (!folder) return;
    await mkdir(folder, { recursive: true });
    await page.screenshot({ path: join(folder, `${name}.png`) });
  };
}

/** Runs named parts one after another; the first that fails ends the script with its sentence. */
export async function run(parts) {
  const browser = await launch();
  const complaints = [];
  const started = Date.now();
  try {
    for (const [name, part] of parts) {
      const since = Date.now();
      await part(browser, complaints).catch((error) => {
        throw new Error(`${name}: ${error.message}`);
      });
      check(complaints.length === 0, `${name}: ${complaints.join("; ")}`);
      console.log(`ok  ${name} (${Date.now() - since} ms)`);
    }
    console.log(`all ${parts.length} parts passed in ${Date.now() - started} ms`);
  } catch (error) {
    console.error(`FAILED  ${error.message}`);
    process.exitCode = 1;
  } finally {
    await browser.close();
  }
}
