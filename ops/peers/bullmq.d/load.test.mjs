import assert from "node:assert/strict";
import { test } from "node:test";
import { Load, percentile } from "./load.mjs";

// Ends chains some time after their start, but for those that are named.
function pretend({ ms = 1, lose = [] } = {}) {
  const seen = { started: 0, underWay: 0, most: 0 };
  const load = new Load(async (chain) => {
    seen.started += 1;
    seen.underWay += 1;
    seen.most = Math.max(seen.most, seen.underWay);
    if (lose.includes(chain)) return;
    setTimeout(() => {
      seen.underWay -= 1;
      load.ended(chain);
    }, ms);
  });
  return { load, seen };
}

test("as many chains as asked for are under way, and all that were started are counted", async () => {
  const { load, seen } = pretend();
  const { durations, lost, rate } = await load.run(8, { ms: 200 });
  assert.equal(seen.most, 8);
  assert.equal(durations.length, seen.started);
  assert.equal(lost, 0);
  assert.ok(rate > 0);
});

test("a number of chains is not exceeded, one at a time", async () => {
  const { load, seen } = pretend();
  const { durations } = await load.run(1, { chains: 5 });
  assert.equal(durations.length, 5);
  assert.equal(seen.most, 1);
});

test("a chain that does not end within the patience is lost, and no end of it is counted later", async () => {
  const { load } = pretend({ lose: ["2"] });
  const { durations, lost } = await load.run(1, { chains: 5, patience: 200 });
  assert.equal(durations.length, 1);
  assert.equal(lost, 1);
  load.ended("2");
  assert.equal((await load.run(1, { chains: 3 })).durations.length, 3);
});

test("a lost chain does not hold up the others", async () => {
  const { load } = pretend({ lose: ["2"] });
  const { durations, lost } = await load.run(4, { chains: 20, patience: 200 });
  assert.equal(durations.length, 19);
  assert.equal(lost, 1);
});

test("a chain that ends twice is counted once", async () => {
  const load = new Load(async (chain) => {
    setImmediate(() => {
      load.ended(chain);
      load.ended(chain);
    });
  });
  assert.equal((await load.run(2, { chains: 10 })).durations.length, 10);
});

test("a start that fails ends the run and every later one", async () => {
  const load = new Load(async () => {
    throw new Error("refused");
  });
  await assert.rejects(load.run(2, { chains: 10 }), /refused/);
  await assert.rejects(load.run(2, { chains: 10 }), /refused/);
});

test("percentiles are by nearest rank", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  assert.equal(percentile(hundred, 0.5), 50);
  assert.equal(percentile(hundred, 0.99), 99);
  assert.equal(percentile([7], 0.99), 7);
  assert.equal(percentile([], 0.5), undefined);
});
