// Drives the page against a server that fails on demand: what a real server cannot be asked to do. Needs the built page
// (`npm run build` in crates/web/app).

import { answerOf, ask, check, ending, eventually, openPage, photographer, run, signIn } from "./browser.mjs";
import { startMock } from "./mock-server.mjs";

const shoot = photographer();
const WORDS = Array.from({ length: 30 }, (_, index) => `word${index + 1}`).join(" ");

const TWO = { biz_1: "Meadow & Oak", biz_2: "Second & Sons" };

/** A fresh server and a signed-in page for each part. */
function withMock(part, { role = "manager", names, ...view } = {}) {
  return async (browser, complaints) => {
    const mock = await startMock();
    mock.role = role;
    mock.names = names ?? mock.names;
    const page = await openPage(browser, mock.url, { ...view, complaints });
    try {
      await page.getByLabel("E-mail").fill(mock.email);
      if (role === "viewer") await signInToRead(page, mock);
      else await signIn(page, mock.email, mock.password);
      await part(page, mock);
    } finally {
      await page.context().close();
      await mock.close();
    }
  };
}

async function signInToRead(page, mock) {
  await page.getByLabel("Password").fill(mock.password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

async function streamsOnAfter(page, mock, fault) {
  const turn = await ask(page, `a slow answer with a ${fault}`);
  check((await ending(turn)) === "completed", `after a ${fault} the answer did not arrive.`);
  check((await answerOf(turn)).trim() === WORDS, `after a ${fault} the answer is not whole.`);
  check(mock.creates.length === 1, `after a ${fault} the question was asked ${mock.creates.length} times.`);
  const resumed = mock.subscribes.at(-1);
  check(resumed?.starting_after > 5, `after a ${fault} the page resumed with ${JSON.stringify(resumed)}.`);
}

async function anUnnamedQuestionIsSentAgain(page, mock) {
  const turn = await ask(page, "a lost create");
  check((await ending(turn)) === "completed", "a question lost on its way was not answered.");
  const keys = new Set(mock.creates.map((frame) => frame.idempotency_key));
  check(
    mock.creates.length === 2 && keys.size === 1,
    `it was sent ${mock.creates.length} times under ${keys.size} keys.`,
  );
}

async function aReloadResumes(page, mock) {
  const turn = await ask(page, "a slow answer");
  await turn.getByText("word5").waitFor();
  await page.reload();
  const again = page.locator(".turn").last();
  await again.getByText("word5").waitFor();
  check((await again.locator(".step--done").count()) > 0, "the finished steps are gone after a reload.");
  check((await ending(again)) === "completed", "the answer did not arrive after a reload.");
  check((await answerOf(again)).trim() === WORDS, "the answer is not whole after a reload.");
  check(mock.subscribes[0]?.starting_after > 5, `the page resumed with ${JSON.stringify(mock.subscribes[0])}.`);
  check(mock.creates.length === 1, "the reload asked the question again.");
}

/** Before it is sent, before it is named, before its name is in the address, amid its steps, at its end. */
async function aReloadAtAnyMomentLosesNothing(page, mock) {
  for (const delay of [0, 5, 15, 40, 120, 300, 700]) {
    await page.getByRole("button", { name: "New question" }).click();
    await ask(page, `How many after ${delay} ms?`);
    await page.waitForTimeout(delay);
    await page.reload();
    const turn = page.locator(".turn");
    check((await ending(turn)) === "completed", `after a reload at ${delay} ms the answer did not arrive.`);
    check(
      (await answerOf(turn)) === "You have 24 customers.",
      `after a reload at ${delay} ms the answer is not whole.`,
    );
    check(mock.turns.size === 1, `after a reload at ${delay} ms there are ${mock.turns.size} turns on the server.`);
    mock.turns.clear();
  }
}

async function anotherBusinessIsAnotherWorld(page, mock) {
  const turn = await ask(page, "How many customers?");
  await ending(turn);
  await page.getByLabel("Business").selectOption("Second & Sons");
  await page.getByText("What would you like to know?").waitFor();
  check((await page.locator(".turn").count()) === 0, "a question of one business is on show in another.");
  check(mock.askedFor.at(-1) === "biz_2", `the connections of ${mock.askedFor.at(-1)} were fetched.`);
  await ending(await ask(page, "How many customers?"));
  check(mock.creates.at(-1).metadata.business_id === "biz_2", "the question was asked in the other business.");
}

async function escapeStops(page, mock) {
  const turn = await ask(page, "a slow answer");
  await turn.getByText("word2").waitFor();
  await shoot(page, "streaming");
  await page.keyboard.press("Escape");
  check((await ending(turn)) === "incomplete", "Esc did not stop the question.");
  check(mock.cancels.length === 1, `the stop was sent ${mock.cancels.length} times.`);
  await turn.getByText("You stopped this question.").waitFor();
  const next = await ask(page, "How many customers?");
  check((await ending(next)) === "completed", "after a stop the next question was not answered.");
}

async function theQueueIsShown(page) {
  const turn = await ask(page, "a queue");
  await turn.getByText("Waiting in line: position 3, about 12.0 s").waitFor();
  await shoot(page, "queued");
  check((await ending(turn)) === "completed", "a queued question was not answered.");
}

async function aFailureIsExplained(page) {
  const turn = await ask(page, "fail");
  check((await ending(turn)) === "failed", "the failure is not shown as one.");
  await turn.getByText("Ask about customers, products or orders.").waitFor();
  await turn.locator(".steps__summary").click();
  await turn.getByText("There is no table named weather.").waitFor();
  await shoot(page, "failure");
}

async function aRefusedQuestionCanBeAskedAgain(page, mock) {
  const turn = await ask(page, "refused");
  check((await ending(turn)) === "failed", "a refused question is not shown as failed.");
  await turn.getByRole("button", { name: "Ask again" }).click();
  await eventually(() => mock.creates.length === 2, "the question was not sent again.");
  check((await page.locator(".turn").count()) === 1, "a question that is sent again is on show twice.");
  check(mock.creates[0].idempotency_key === mock.creates[1].idempotency_key, "it was sent under another key.");
}

async function aLostAttemptIsVoid(page) {
  const turn = await ask(page, "again");
  await turn.getByText("Half of a first").waitFor();
  check((await ending(turn)) === "completed", "a repeated step did not end.");
  check((await answerOf(turn)) === "The whole answer.", "text of the lost attempt is still on show.");
}

async function anEndedSessionGoesOnAfterSignIn(page, mock) {
  const turn = await ask(page, "a slow answer");
  await turn.getByText("word3").waitFor();
  mock.tokens.clear();
  mock.sockets.forEach((socket) => socket.closeWith(4419));
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  await shoot(page, "session-ended");
  await page.keyboard.press("Escape");
  check(await dialog.isVisible(), "Esc closed the sign-in form.");
  await dialog.getByLabel("Password").fill(mock.password);
  await dialog.getByRole("button", { name: "Sign in" }).click();
  check((await ending(turn)) === "completed", "the answer did not arrive after signing in again.");
  check((await answerOf(turn)).trim() === WORDS, "the answer is not whole after signing in again.");
}

async function anAbsentServerIsToldAndAwaited(page, mock) {
  mock.refusing = true;
  mock.sockets.forEach((socket) => socket.destroy());
  await page.getByText("Reconnecting").waitFor();
  const turn = await ask(page, "How many customers?");
  await turn.getByText("The question is sent as soon as the connection is back.").waitFor();
  await shoot(page, "offline");
  mock.refusing = false;
  await page.getByRole("button", { name: "Try now" }).click();
  check((await ending(turn)) === "completed", "a question asked while offline was not answered.");
}

async function aConnectionIsAddedAndTested(page, mock) {
  await page.getByRole("link", { name: "Connections" }).click();
  await addConnection(page, "Warehouse", "postgres://reader:secret@db/shop");
  const card = page.getByRole("article", { name: "Warehouse" });
  await card.getByText("Testing the connection").waitFor();
  await shoot(page, "connection-testing");
  await card.getByText("Ready!").waitFor();
  check(mock.connections[1].dialect === "postgres", "the kind was not sent.");
  await addConnection(page, "Warehouse", "postgres://db/shop");
  await page.getByText("There is a connection of that name.").waitFor();
  await addConnection(page, "Broken", "postgres://wrong@db/shop");
  await page.getByRole("article", { name: "Broken" }).getByText("Failed").waitFor();
  await page.getByRole("article", { name: "Broken" }).getByText("The password was not accepted.").waitFor();
  await shoot(page, "connections");
}

async function addConnection(page, name, url) {
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("URL", { exact: true }).fill(url);
  await page.getByRole("button", { name: "Add and test" }).click();
}

async function aViewerMayNotAsk(page) {
  await page.getByPlaceholder("You may read answers here, but not ask.").waitFor();
  check((await page.locator(".chip").count()) === 0, "a viewer is offered questions.");
}

async function aTableIsShown(page) {
  const turn = await ask(page, "Which category sells best?");
  await ending(turn);
  await turn.getByRole("tab", { name: "Table" }).click();
  check((await turn.locator("tbody tr").count()) === 4, "not all rows are shown.");
  await turn.locator(".table-foot").getByText("4 rows", { exact: true }).waitFor();
  await shoot(page, "table");
  await turn.getByRole("tab", { name: "SQL" }).click();
  await shoot(page, "sql");
}

await run([
  ["a dropped socket is resumed", withMock((page, mock) => streamsOnAfter(page, mock, "drop"))],
  ["a restarting server is resumed", withMock((page, mock) => streamsOnAfter(page, mock, "restart"))],
  ["a question that was never named is sent again under its key", withMock(anUnnamedQuestionIsSentAgain)],
  ["a reload resumes a running answer", withMock(aReloadResumes)],
  ["a reload at any moment loses nothing", withMock(aReloadAtAnyMomentLosesNothing)],
  ["another business is another world", withMock(anotherBusinessIsAnotherWorld, { names: TWO })],
  ["Esc stops a running question", withMock(escapeStops)],
  ["the place in the queue is shown", withMock(theQueueIsShown)],
  ["a failure is explained", withMock(aFailureIsExplained, { dark: true })],
  ["a refused question can be asked again", withMock(aRefusedQuestionCanBeAskedAgain)],
  ["text of a lost attempt is void", withMock(aLostAttemptIsVoid)],
  ["an ended session goes on after signing in", withMock(anEndedSessionGoesOnAfterSignIn)],
  ["an absent server is told and awaited", withMock(anAbsentServerIsToldAndAwaited)],
  ["a connection is added and tested", withMock(aConnectionIsAddedAndTested)],
  ["a viewer may read and not ask", withMock(aViewerMayNotAsk, { role: "viewer" })],
  ["a table is shown", withMock(aTableIsShown, { dark: true })],
]);
