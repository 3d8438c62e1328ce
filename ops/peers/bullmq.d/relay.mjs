// A relay of BullMQ queues: the worker of each adds the job to the next one.
import { createRequire } from "node:module";
import { note } from "./redis.mjs";

const require = createRequire(`${process.env.PEER_MODULES}/`);
const { Queue, Worker } = require("bullmq");
const { Redis } = require("ioredis");
const CLOSE_MS = 10_000;

export class Relay {
  #redis;
  #queues;
  #workers;

  // `onEnd` gets the data of each job that the last worker got.
  constructor({ url, prefix, concurrency, steps, onEnd, onError }) {
    this.#redis = new Redis(url, { maxRetriesPerRequest: null });
    const shared = { connection: this.#redis, prefix };
    const names = Array.from({ length: steps }, (_, step) => `step-${step + 1}`);
    this.#queues = names.map((name) => new Queue(name, { ...shared, defaultJobOptions: { removeOnComplete: true } }));
    const next = (step) => (step + 1 < steps ? (data) => this.#add(step + 1, data) : onEnd);
    this.#workers = names.map((name, step) => {
      const passOn = next(step);
      return new Worker(name, async (job) => void (await passOn(job.data)), { ...shared, concurrency });
    });
    for (const part of [this.#redis, ...this.#queues, ...this.#workers]) part.on("error", onError);
    for (const worker of this.#workers) worker.on("failed", (_, error) => onError(error));
  }

  #add(step, data) {
    return this.#queues[step].add("step", data);
  }

  start(data) {
    return this.#add(0, data);
  }

  // Waits for what its workers do, as long as Redis answers.
  async close() {
    const giveUp = new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref());
    const closed = this.#close().catch((error) => note(`BullMQ did not close: ${error.message}`));
    await Promise.race([closed, giveUp]);
    this.#redis.disconnect();
  }

  async #close() {
    await Promise.all(this.#workers.map((worker) => worker.close()));
    await Promise.all(this.#queues.map((queue) => queue.close()));
    await this.#redis.quit();
  }
}
