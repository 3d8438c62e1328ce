// A change of data on the page of a running Askline: asked for, looked at, declined, approved. Needs BASE_URL, EMAIL,
// PASSWORD, QUESTION (which its model answers with a change of two orders) and DATABASE (the URL of a SQLite file).

import { ask, check, ending, noSidewaysScroll, openPage, photographer, run, signIn } from "./browser.mjs";

const { BASE_URL, EMAIL, PASSWORD, QUESTION, DATABASE } = process.env;
const shoot = photographer();

async function aConnectionThatMayBeChanged(browser, complaints) {
  const page = await signedIn(browser, complaints);
  await page.getByRole("link", { name: "Connections" }).click();
  await page.getByLabel("Kind").selectOption("sqlite");
  await page.getByLabel("Name").fill("Orders");
  await page.getByLabel("URL", { exact: true }).fill(DATABASE);
  await page.getByLabel("URL for changes (optional)").fill(DATABASE);
  await page.getByRole("button", { name: "Add and test" }).click();
  const card = page.getByRole("article", { name: "Orders" });
  await card.getByText("Ready!").waitFor();
  await card.getByText("changes are possible").waitFor();
  await page.context().close();
}

async function aDeclinedChange(browser, complaints) {
  const page = await signedIn(browser, complaints);
  const card = await requested(page);
  await card.getByRole("button", { name: /^Decline/ }).click();
  await page.locator('.change[data-state="declined"]').getByText("Nothing was changed.").waitFor();
  check((await page.locator(".change__decision").count()) === 0, "a declined change can still be decided.");
  await page.context().close();
}

async function anApprovedChange(browser, complaints) {
  const page = await signedIn(browser, complaints, { width: 360, height: 740 });
  const card = await requested(page);
  const shown = await card.innerText();
  for (const part of ["Change 2 rows of orders", "bob@example.org", "UPDATE orders", "Nothing is changed yet."]) {
    check(shown.includes(part), `the card does not show "${part}": ${shown}`);
  }
  await noSidewaysScroll(page, "the card of a change");
  await shoot(page, "change-phone");
  await card.getByRole("button", { name: /^Approve/ }).focus();
  await page.keyboard.press("Enter");
  await page.locator('.change[data-state="done"]').getByText("Done: 2 rows.").waitFor();
  await page.locator(".answer__text", { hasText: "Done: 2 rows of orders were changed." }).waitFor();
  await page.reload();
  await page.locator('.change[data-state="done"]').getByText("Done: 2 rows.").waitFor();
  await shoot(page, "change-done-phone");
  await page.context().close();
}

async function signedIn(browser, complaints, options = {}) {
  const page = await openPage(browser, BASE_URL, { ...options, complaints });
  await signIn(page, EMAIL, PASSWORD);
  return page;
}

/** Asks for the change, and gives its card when it can be decided. */
async function requested(page) {
  await page.getByLabel("Database to ask").selectOption({ label: "Orders (SQLite)" });
  const turn = await ask(page, QUESTION);
  check((await ending(turn)) === "completed", `the request for a change ended otherwise: ${await turn.innerText()}`);
  const card = turn.locator('.change[data-state="pending"]');
  await card.getByRole("button", { name: /^Approve/ }).waitFor();
  return card;
}

await run([
  ["a connection that may be changed", aConnectionThatMayBeChanged],
  ["a declined change", aDeclinedChange],
  ["an approved change, on a phone and by keyboard", anApprovedChange],
]);
