// Measures chains of BullMQ jobs and prints one line of JSON. Its inputs are environment variables.
import { createRequire } from "node:module";
import { Load, percentile } from "./load.mjs";
import { Failed, connect, note, remove } from "./redis.mjs";
import { Relay } from "./relay.mjs";

const { version } = createRequire(`${process.env.PEER_MODULES}/`)("bullmq/package.json");
const WARM_UP_MS = 2_000;
const START_MS = 60_000;
const LOOK = "look at the messages above";
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };

class Stopped extends Error {}

async function measure(load, { concurrency, seconds, single }) {
  const first = await load.run(1, { chains: 1, patience: START_MS });
  if (first.lost) throw new Failed(`BullMQ did not end its first chain within ${START_MS} ms`, LOOK);
  note("warming up");
  const warm = await load.run(concurrency, { ms: WARM_UP_MS });
  note(`${concurrency} chains at a time, ${seconds} s`);
  const loaded = await load.run(concurrency, { ms: seconds * 1_000 });
  note(`${single} chains, one at a time`);
  return report(warm, loaded, await load.run(1, { chains: single }));
}

function report(warm, loaded, single) {
  if (!loaded.durations.length || !single.durations.length) throw new Failed("no chain ended", LOOK);
  const rounded = (value, digits) => Number(value.toFixed(digits));
  return {
    name: "bullmq",
    version,
    chains_per_s: rounded(loaded.rate, 1),
    chains: loaded.durations.length,
    lost: warm.lost + loaded.lost + single.lost,
    p50_ms: rounded(percentile(single.durations, 0.5), 2),
    p99_ms: rounded(percentile(single.durations, 0.99), 2),
  };
}

async function noteDurability(url) {
  const redis = await connect(url);
  const persistence = await redis.info("persistence");
  redis.disconnect();
  if (/^aof_enabled:0/m.test(persistence)) {
    note("this Redis keeps no append-only file: what it has confirmed is not on disk");
  }
}

async function run(env) {
  const number = (name) => Number(env[`PEER_${name}`]);
  const [url, prefix, concurrency] = [env.PEER_REDIS_URL, env.PEER_PREFIX, number("CONCURRENCY")];
  await noteDurability(url);

  const payload = "x".repeat(number("BYTES"));
  const load = new Load((chain) => relay.start({ chain, payload }));
  const fail = (error) => load.fail(error);
  for (const [name, value] of Object.entries(SIGNALS)) process.on(name, () => fail(new Stopped(128 + value)));
  process.on("unhandledRejection", fail);

  const onEnd = (data) => load.ended(data.chain);
  const relay = new Relay({ url, prefix, concurrency, steps: number("STEPS"), onEnd, onError: fail });
  try {
    return await measure(load, { concurrency, seconds: number("SECONDS"), single: number("SINGLE") });
  } finally {
    await relay.close();
    await remove(url, prefix);
  }
}

// Gives the exit code.
function tell(error) {
  if (error instanceof Stopped) return Number(error.message);
  console.error(error instanceof Failed ? `error: ${error.message}\n  do: ${error.toDo}` : error);
  return 1;
}

try {
  const figures = await run(process.env);
  process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.exit(0));
} catch (error) {
  process.exit(tell(error));
}
