// A closed loop of chains, by the real clock. It knows nothing of what carries them.

const LOOK_MS = 100;

// `start` is called with the id of a chain and gives a promise. Whoever carries the chains calls `ended` with the id.
export class Load {
  #start;
  #started = 0;
  #underWay = new Map();
  #run;
  #failure;

  constructor(start) {
    this.#start = start;
  }

  // A second end of a chain counts nothing, nor does one that comes after the patience.
  ended(chain) {
    const began = this.#underWay.get(chain);
    if (began === undefined) return;
    this.#underWay.delete(chain);
    this.#run.lastEnd = performance.now();
    this.#run.durations.push(this.#run.lastEnd - began);
    this.#advance();
  }

  // Ends the run with this error, and every later one.
  fail(error) {
    this.#failure ??= error;
    this.#run?.reject(this.#failure);
  }

  // Keeps `concurrency` chains under way until the time is over or so many were started, and waits for the rest. When
  // no chain ended for as long as the patience is, those under way are lost.
  async run(concurrency, { ms = Infinity, chains = Infinity, patience = 30_000 }) {
    if (this.#failure) throw this.#failure;
    const begin = performance.now();
    const run = { concurrency, end: begin + ms, last: this.#started + chains, patience, durations: [], lastEnd: begin };
    this.#run = run;
    const looking = setInterval(() => this.#advance(), LOOK_MS);
    try {
      await new Promise((resolve, reject) => {
        Object.assign(run, { resolve, reject });
        this.#advance();
      });
    } finally {
      clearInterval(looking);
    }
    const lost = this.#underWay.size;
    this.#underWay.clear();
    return { durations: run.durations, lost, rate: (run.durations.length * 1_000) / (run.lastEnd - begin) };
  }

  #advance() {
    const run = this.#run;
    const now = performance.now();
    const isStalled = now - run.lastEnd >= run.patience;
    const isOver = isStalled || now >= run.end;
    while (!isOver && this.#started < run.last && this.#underWay.size < run.concurrency) this.#begin();
    const isDone = this.#underWay.size === 0 && (isOver || this.#started >= run.last);
    if (isStalled || isDone) run.resolve();
  }

  #begin() {
    this.#started += 1;
    const chain = String(this.#started);
    this.#underWay.set(chain, performance.now());
    this.#start(chain).catch((error) => this.fail(error));
  }
}

// By nearest rank; undefined of nothing.
export function percentile(values, share) {
  const ranked = [...values].sort((one, other) => one - other);
  return ranked[Math.max(Math.ceil(share * ranked.length), 1) - 1];
}
