import type { Turn } from "../turn/model";
import type { Business, Login, User } from "../wire";

// What outlives a reload. The login and running turns are kept for this tab only (`sessionStorage`); storage may be
// full or forbidden, and the page works without it.

const LOGIN = "askline.login";
const RUNNING = "askline.running";
const CONNECTION = "askline.connection";
const BUSINESS = "askline.business";

export function keptLogin(nowMs: number): Login | null {
  const login = read<Login>(sessionStorage, LOGIN);
  return login?.token && login.expires_at_ms > nowMs ? login : null;
}

export function keepLogin(login: Login | null): void {
  write(sessionStorage, LOGIN, login);
}

export function chosenBusiness(): string | null {
  return read<string>(localStorage, BUSINESS);
}

export function chooseBusiness(id: string): void {
  write(localStorage, BUSINESS, id);
}

export interface Running {
  /** The conversation that was on show. */
  shown: string | null;
  turns: Turn[];
}

/** What ran when the page went, unless someone else has signed in since. */
export function keptRunning(owner: User, business: Business): Running {
  const kept = read<Running & { owner: string }>(sessionStorage, runningKey(business));
  if (kept?.owner !== owner.id || !Array.isArray(kept.turns)) return { shown: null, turns: [] };
  return { shown: kept.shown, turns: kept.turns.filter((turn) => typeof turn.lastSequence === "number") };
}

export function keepRunning(owner: User, business: Business, running: Running): void {
  write(sessionStorage, runningKey(business), running.turns.length > 0 ? { owner: owner.id, ...running } : null);
}

export function forgetRunning(business: Business): void {
  write(sessionStorage, runningKey(business), null);
}

function runningKey(business: Business): string {
  return `${RUNNING}.${business.business}`;
}

export function chosenConnection(business: Business): string | null {
  return read<string>(localStorage, `${CONNECTION}.${business.business}`);
}

export function chooseConnection(business: Business, id: string): void {
  write(localStorage, `${CONNECTION}.${business.business}`, id);
}

function read<T>(storage: Storage, key: string): T | null {
  try {
    const text = storage.getItem(key);
    return text === null ? null : (JSON.parse(text) as T);
  } catch {
    return null;
  }
}

function write(storage: Storage, key: string, value: unknown): void {
  try {
    if (value === null) storage.removeItem(key);
    else storage.setItem(key, JSON.stringify(value));
  } catch {
    storage.removeItem(key);
  }
}
