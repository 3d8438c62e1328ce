import type { ClientFrame, CreateFrame, ErrorFrame, ResponseEvent, ServerFrame } from "../wire";
import { delayMs } from "./backoff";
import { verdictOf } from "./closeCode";
import { Cursors, isTerminal } from "./cursors";

export type Link =
  | { state: "connecting" }
  | { state: "online" }
  | { state: "waiting"; retryAtMs: number }
  | { state: "expired" }
  | { state: "refused"; message: string }
  | { state: "stopped" };

/** What this client needs of a `WebSocket`. */
export interface SocketLike {
  readyState: number;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  send(data: string): void;
  close(code?: number): void;
}

export interface Listener {
  event(event: ResponseEvent): void;
  createFailed(key: string, error: ErrorFrame): void;
  /** A response that was followed cannot be followed any more. */
  lost(responseId: string, error: ErrorFrame): void;
  problem(error: ErrorFrame): void;
  link(link: Link): void;
  expiring(ttlSeconds: number): void;
}

export interface Deps {
  open(protocols: string[]): SocketLike;
  /** Whether the server still accepts the token: a refused handshake looks like any lost connection to a page. */
  tokenIsValid(): Promise<boolean>;
  random(): number;
}

const OPEN = 1;
const GREETING_MS = 15_000;
const SILENCE_MS = 10_000;
const PING_MS = 25_000;
/** The server takes frames of 64 KiB. */
const LARGEST_FRAME = 60 * 1024;

/** Keeps one socket to the server. Questions, stops and followed responses survive every reconnect. */
export class SocketClient {
  private socket: SocketLike | null = null;
  private token: string | null = null;
  private greeted = false;
  private attempt = 0;
  private pingMs = PING_MS;
  private readonly creates = new Map<string, CreateFrame>();
  private readonly stops = new Set<string>();
  private readonly cursors = new Cursors();
  private retry: ReturnType<typeof setTimeout> | undefined;
  private watchdog: ReturnType<typeof setTimeout> | undefined;
  private pinger: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly deps: Deps,
    private readonly listener: Listener,
  ) {}

  start(token: string): void {
    this.token = token;
    this.attempt = 0;
    this.connect();
  }

  stop(): void {
    this.token = null;
    this.creates.clear();
    this.stops.clear();
    this.cursors.all().forEach(([id]) => this.cursors.forget(id));
    this.drop(1000);
    this.listener.link({ state: "stopped" });
  }

  /** Goes on with a new token: on the open socket, or by opening one. */
  renew(token: string): void {
    if (!this.greeted) return this.start(token);
    this.token = token;
    this.send({ type: "session.update", token });
  }

  /** Does not wait for the rest of the backoff: the network is back, or the user wants it now. */
  retryNow(): void {
    if (this.token && !this.socket) this.connect();
  }

  /** Asks. The same frame is sent again after each reconnect until the server has named the response. */
  create(frame: CreateFrame): void {
    if (new TextEncoder().encode(JSON.stringify(frame)).length > LARGEST_FRAME) {
      return this.listener.createFailed(frame.idempotency_key, TOO_LONG);
    }
    this.creates.set(frame.idempotency_key, frame);
    this.send(frame);
  }

  forgetCreate(key: string): void {
    this.creates.delete(key);
  }

  /** Follows a response on from its last seen event; -1 is from the start. */
  follow(responseId: string, last: number): void {
    if (this.cursors.has(responseId)) return;
    this.cursors.follow(responseId, last);
    this.subscribe(responseId, last);
  }

  cancel(responseId: string): void {
    this.stops.add(responseId);
    this.send({ type: "response.cancel", response_id: responseId });
  }

  private connect(): void {
    if (!this.token) return;
    this.drop(1000);
    this.listener.link({ state: "connecting" });
    const socket = this.deps.open(["askline", `bearer.${this.token}`]);
    this.socket = socket;
    socket.onmessage = (message) => this.receive(message.data);
    socket.onclose = (close) => this.closed(close.code);
    this.watch(GREETING_MS);
  }

  private receive(data: unknown): void {
    const frame = parse(data);
    if (!frame) return;
    this.watch(this.pingMs + SILENCE_MS);
    switch (frame.type) {
      case "session.created":
        return this.welcome(frame.ping_interval_ms);
      case "session.expiring":
        return this.listener.expiring(frame.ttl);
      case "error":
        return this.failed(frame);
      case "session.updated":
      case "pong":
        return;
      default:
        if (frame.response_id) this.eventArrived(frame);
    }
  }

  private welcome(pingIntervalMs: number | undefined): void {
    this.greeted = true;
    this.attempt = 0;
    this.pingMs = pingIntervalMs || PING_MS;
    clearInterval(this.pinger);
    this.pinger = setInterval(() => this.send({ type: "ping", t: Date.now() }), this.pingMs);
    this.watch(this.pingMs + SILENCE_MS);
    this.listener.link({ state: "online" });
    for (const [responseId, last] of this.cursors.all()) this.subscribe(responseId, last);
    for (const frame of this.creates.values()) this.send(frame);
    for (const responseId of this.stops) this.send({ type: "response.cancel", response_id: responseId });
  }

  private eventArrived(event: ResponseEvent): void {
    if (event.type === "response.created") this.named(event.response_id, event.response.metadata?.idempotency_key);
    const judgement = this.cursors.judge(event, Date.now());
    if (judgement === "repair") this.subscribe(event.response_id, this.cursors.last(event.response_id));
    if (judgement !== "show") return;
    if (isTerminal(event)) {
      this.cursors.forget(event.response_id);
      this.stops.delete(event.response_id);
    }
    this.listener.event(event);
  }

  /** The server's answer to a question: from here on the response is followed by its id. */
  private named(responseId: string, key: string | undefined): void {
    if (!key || !this.creates.delete(key)) return;
    this.cursors.follow(responseId, -1);
  }

  private failed(error: ErrorFrame): void {
    const key = error.idempotency_key;
    if (key && this.creates.delete(key)) return this.listener.createFailed(key, error);
    const responseId = error.response_id;
    if (!responseId || !this.cursors.has(responseId)) return this.listener.problem(error);
    if (error.retryable) return this.repeatLater(responseId);
    this.cursors.forget(responseId);
    this.stops.delete(responseId);
    this.listener.lost(responseId, error);
  }

  /** The server has no room for this now. Whatever is asked before a reconnect is asked again by that. */
  private repeatLater(responseId: string): void {
    setTimeout(
      () => {
        if (!this.cursors.has(responseId)) return;
        this.subscribe(responseId, this.cursors.last(responseId));
        if (this.stops.has(responseId)) this.send({ type: "response.cancel", response_id: responseId });
      },
      delayMs(2, this.deps.random),
    );
  }

  private closed(code: number): void {
    const refusedHandshake = !this.greeted;
    this.drop();
    const verdict = verdictOf(code);
    if (verdict.kind === "final") return this.listener.link({ state: "refused", message: verdict.message });
    if (verdict.kind === "expired") return this.listener.link({ state: "expired" });
    this.wait();
    if (refusedHandshake) void this.checkToken();
  }

  private async checkToken(): Promise<void> {
    const token = this.token;
    if ((await this.deps.tokenIsValid()) || token !== this.token || this.greeted) return;
    this.drop(1000);
    this.listener.link({ state: "expired" });
  }

  private wait(): void {
    const delay = delayMs(this.attempt, this.deps.random);
    this.attempt += 1;
    this.retry = setTimeout(() => this.connect(), delay);
    this.listener.link({ state: "waiting", retryAtMs: Date.now() + delay });
  }

  /** A half-open connection never reports a close: silence for too long counts as one. */
  private watch(ms: number): void {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => {
      this.drop(4000);
      this.wait();
    }, ms);
  }

  private drop(code?: number): void {
    clearTimeout(this.retry);
    clearTimeout(this.watchdog);
    clearInterval(this.pinger);
    this.greeted = false;
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onmessage = null;
    socket.onclose = null;
    if (code) socket.close(code);
  }

  private subscribe(responseId: string, last: number): void {
    const cursor = last < 0 ? {} : { starting_after: last };
    this.send({ type: "response.subscribe", response_id: responseId, ...cursor });
  }

  private send(frame: ClientFrame): void {
    if (this.greeted && this.socket?.readyState === OPEN) this.socket.send(JSON.stringify(frame));
  }
}

const TOO_LONG: ErrorFrame = {
  type: "error",
  code: "input_too_long",
  message: "This question is too long to send. Shorten it to less than 60,000 characters.",
  retryable: false,
};

function parse(data: unknown): ServerFrame | null {
  try {
    const frame = JSON.parse(String(data)) as ServerFrame;
    return typeof frame === "object" && frame && typeof frame.type === "string" ? frame : null;
  } catch {
    return null;
  }
}
