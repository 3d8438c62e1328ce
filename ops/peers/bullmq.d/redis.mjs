// Redis, beside BullMQ: whether it is there, and taking away what was put there.
import { createRequire } from "node:module";

const { Redis } = createRequire(`${process.env.PEER_MODULES}/`)("ioredis");
const CONNECT_MS = 5_000;

// What happened, and what to do about it.
export class Failed extends Error {
  constructor(what, toDo) {
    super(what);
    this.toDo = toDo;
  }
}

export const note = (text) => console.error(`==> ${text}`);

// A connection that gives up where BullMQ's own would try again for ever.
export async function connect(url) {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: null, connectTimeout: CONNECT_MS });
  let cause;
  redis.on("error", (error) => (cause = error));
  try {
    await redis.connect();
  } catch (error) {
    throw new Failed(`Redis cannot be reached: ${(cause ?? error).message}`, "start it, or set PEER_REDIS_URL");
  }
  return redis;
}

// All keys with this prefix, which holds no character that means something in a pattern.
export async function remove(url, prefix) {
  const redis = await connect(url);
  for await (const keys of redis.scanStream({ match: `${prefix}:*`, count: 1_000 })) {
    if (keys.length) await redis.unlink(keys);
  }
  redis.disconnect();
}
