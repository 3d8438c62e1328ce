// Drives the page of a running Askline in a real browser. Needs BASE_URL, EMAIL, PASSWORD; QUESTION and EXPECT (a part
// of its answer) have defaults for the sample data; SCREENSHOT_DIR takes pictures; CHROMIUM names another browser.

import {
  answerOf,
  ask,
  check,
  ending,
  noSidewaysScroll,
  openPage,
  photographer,
  readyToAsk,
  run,
  signIn,
} from "./browser.mjs";

const { BASE_URL, EMAIL, PASSWORD, QUESTION = "How many customers do we have?", EXPECT = "" } = process.env;
const shoot = photographer();
const NARROW = { width: 360, height: 740 };

async function aWrongPasswordIsExplained(browser, complaints) {
  const page = await openPage(browser, BASE_URL, { complaints });
  await page.getByLabel("E-mail").fill(EMAIL);
  await page.getByLabel("Password").fill(`${PASSWORD}-wrong`);
  await page.getByRole("button", { name: "Sign in" }).click();
  const words = await page.getByRole("alert").innerText();
  check(words.includes("wrong"), `a wrong password is explained by "${words}".`);
  await shoot(page, "sign-in");
  await page.context().close();
}

async function aQuestionIsAnswered(browser, complaints) {
  const page = await openPage(browser, BASE_URL, { complaints });
  await signIn(page, EMAIL, PASSWORD);
  await page.locator(".chip").first().waitFor();
  await shoot(page, "welcome-light");
  const turn = await ask(page, QUESTION);
  const phase = await ending(turn);
  check(phase === "completed", `"${QUESTION}" ended as ${phase}: ${await turn.innerText()}`);
  await answerIsWhole(turn);
  await shoot(page, "answer-light");
  await page.context().close();
}

async function answerIsWhole(turn) {
  const answer = await answerOf(turn);
  check(answer.includes(EXPECT) && answer !== "", `the answer "${answer}" does not contain "${EXPECT}".`);
  await turn.locator(".steps__summary").click();
  check((await turn.locator(".step--done").count()) >= 4, "fewer than four finished steps are shown.");
  await turn.getByRole("tab", { name: "SQL" }).click();
  const sql = await turn.locator(".sql__text").innerText();
  check(/select/i.test(sql), `the SQL tab shows "${sql}".`);
  await turn.getByRole("tab", { name: "Table" }).click();
  await turn.locator("tbody tr").first().waitFor();
  check((await turn.locator("tbody td").count()) > 0, "the table has no cells.");
}

/** A fast answer may be there before the stop arrives; what counts is that the turn ends and the next question works. */
async function aQuestionCanBeStopped(browser, complaints) {
  const page = await openPage(browser, BASE_URL, { complaints });
  await signIn(page, EMAIL, PASSWORD);
  const turn = await ask(page, QUESTION);
  await page.keyboard.press("Escape");
  const phase = await ending(turn);
  check(phase !== "failed", `a stopped question ended as failed: ${await turn.innerText()}`);
  if (phase === "incomplete") await turn.getByText("You stopped this question.").waitFor();
  const next = await ask(page, QUESTION);
  check((await ending(next)) === "completed", "after a stop the conversation did not take the next question.");
  await page.context().close();
}

async function aPhoneNeedsNoSidewaysScrolling(browser, complaints) {
  const page = await openPage(browser, BASE_URL, { ...NARROW, dark: true, complaints });
  await noSidewaysScroll(page, "the sign-in form");
  await signIn(page, EMAIL, PASSWORD);
  await noSidewaysScroll(page, "the empty conversation");
  const turn = await ask(page, QUESTION);
  await ending(turn);
  for (const tab of ["SQL", "Table", "Answer"]) {
    await turn.getByRole("tab", { name: tab }).click();
    await noSidewaysScroll(page, `the tab ${tab}`);
  }
  await shoot(page, "answer-phone-dark");
  await page.getByRole("button", { name: "Open the list of conversations" }).click();
  await page.locator(".nav-link--conversation").first().waitFor();
  await page.waitForFunction(() => document.querySelector(".sidebar").getBoundingClientRect().left === 0);
  await noSidewaysScroll(page, "the drawer");
  await shoot(page, "drawer-phone-dark");
  await page.getByRole("link", { name: "Connections" }).click();
  await page.getByText("Ready!").first().waitFor();
  await page.waitForFunction(() => getComputedStyle(document.querySelector(".sidebar")).visibility === "hidden");
  await noSidewaysScroll(page, "the list of connections");
  await shoot(page, "connections-phone-dark");
  await page.context().close();
}

async function theKeyboardIsEnough(browser, complaints) {
  const page = await openPage(browser, BASE_URL, { complaints });
  await page.getByLabel("E-mail").waitFor();
  await tabTo(page, "input[type=email]");
  await page.keyboard.type(EMAIL);
  await tabTo(page, "input[type=password]");
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press("Enter");
  await readyToAsk(page);
  await tabTo(page, "#question");
  await page.keyboard.type("first line");
  await page.keyboard.press("Shift+Enter");
  check((await page.locator("#question").inputValue()) === "first line\n", "Shift+Enter does not start a new line.");
  await page.keyboard.press("Control+A");
  await page.keyboard.type(QUESTION);
  await page.keyboard.press("Enter");
  const turn = page.locator(".turn").last();
  check((await ending(turn)) === "completed", "a question asked by keyboard was not answered.");
  await page.getByTestId("announcer").getByText("Answer:").waitFor({ state: "attached" });
  await tabTo(page, ".turn [role=tab]");
  await page.keyboard.press("ArrowRight");
  await turn.locator(".sql__text").waitFor();
  await focusIsVisible(page);
  await tabTo(page, "#question");
  await page.context().close();
}

async function aSpreadsheetCanBeAsked(browser, complaints) {
  const page = await openPage(browser, BASE_URL, { complaints });
  await signIn(page, EMAIL, PASSWORD);
  await page.getByRole("link", { name: "Connections" }).click();
  await upload(page, "Broken", "broken.xlsx", "PK\u0003\u0004 this is no workbook");
  await page.getByRole("article", { name: "Broken" }).getByText("Failed").waitFor();
  await upload(page, "Visits", "visits.csv", "page,seconds\nhome,12\nprices,40\nhelp,7\n");
  await page.getByRole("article", { name: "Visits" }).getByText("Ready!").waitFor();
  await shoot(page, "spreadsheet-light");
  await page.getByRole("button", { name: "New question" }).click();
  await page.getByLabel("Database to ask").selectOption({ label: "Visits (SQLite)" });
  const turn = await ask(page, "How many visits are there?");
  check((await ending(turn)) === "completed", `a question about a file ended otherwise: ${await turn.innerText()}`);
  const answer = await answerOf(turn);
  check(answer.includes("3"), `three rows were uploaded, and the answer is "${answer}".`);
  await page.context().close();
}

async function upload(page, name, file, text) {
  await page.getByLabel("Kind").selectOption("file");
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("File", { exact: true }).setInputFiles({ name: file, mimeType: "text/plain", buffer: Buffer.from(text) });
  await page.getByRole("button", { name: "Add and test" }).click();
  await page.getByRole("article", { name }).waitFor();
}

/** Presses Tab until the element has the focus, as a person would. */
async function tabTo(page, selector) {
  for (let presses = 0; presses < 60; presses += 1) {
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`${selector} cannot be reached with the Tab key.`);
}

async function focusIsVisible(page) {
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  check(outline !== "none", "the element with the focus has no focus ring.");
}

async function aReloadLosesNothing(browser, complaints) {
  const page = await openPage(browser, BASE_URL, { dark: true, complaints });
  await signIn(page, EMAIL, PASSWORD);
  const turn = await ask(page, QUESTION);
  await turn.waitFor();
  await page.reload();
  await readyToAsk(page);
  const again = page.locator(".turn").last();
  check((await ending(again)) === "completed", "a question that was running during a reload was not answered.");
  check((await page.locator(".turn").count()) === 1, "after a reload the question is on show more than once.");
  check((await answerOf(again)).includes(EXPECT), "after a reload the answer is another one.");
  await page.locator('.nav-link--conversation[aria-current="page"]').waitFor();
  await shoot(page, "reloaded-dark");
  await page.reload();
  check(
    (await ending(page.locator(".turn").last())) === "completed",
    "the finished conversation is gone after a reload.",
  );
  await answerIsThere(page.locator(".turn").last());
  await page.context().close();
}

/** From history: the rows are fetched when the table is opened. */
async function answerIsThere(turn) {
  check((await answerOf(turn)).includes(EXPECT), "history shows another answer than the stream did.");
  await turn.getByRole("tab", { name: "Table" }).click();
  await turn.locator("tbody tr").first().waitFor();
}

for (const name of ["BASE_URL", "EMAIL", "PASSWORD"]) {
  if (!process.env[name]) {
    console.error(`FAILED  ${name} is not set. BASE_URL, EMAIL and PASSWORD say which Askline to drive.`);
    process.exit(2);
  }
}

await run([
  ["a wrong password is explained", aWrongPasswordIsExplained],
  ["a question is answered with SQL and rows", aQuestionIsAnswered],
  ["a question can be stopped", aQuestionCanBeStopped],
  ["a phone needs no sideways scrolling", aPhoneNeedsNoSidewaysScrolling],
  ["the keyboard is enough", theKeyboardIsEnough],
  ["a reload loses nothing", aReloadLosesNothing],
  ["a spreadsheet can be asked", aSpreadsheetCanBeAsked],
]);
