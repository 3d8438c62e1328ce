import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ClientFrame, CreateFrame, ErrorFrame, ResponseEvent } from "../wire";
import { SocketClient, type Link, type SocketLike } from "./client";

class FakeSocket implements SocketLike {
  readyState = 1;
  onmessage: SocketLike["onmessage"] = null;
  onclose: SocketLike["onclose"] = null;
  sent: ClientFrame[] = [];
  closedWith: number | undefined;

  constructor(readonly protocols: string[]) {}

  send(data: string) {
    this.sent.push(JSON.parse(data) as ClientFrame);
  }
  close(code?: number) {
    this.closedWith = code;
  }
  says(frame: object) {
    this.onmessage?.({ data: JSON.stringify(frame) } as MessageEvent);
  }
  dies(code = 1006) {
    this.onclose?.({ code } as CloseEvent);
  }
  greets() {
    this.says({ type: "session.created", session_id: "s", ttl: 7_200, ping_interval_ms: 25_000 });
  }
  sentOf(type: ClientFrame["type"]) {
    return this.sent.filter((frame) => frame.type === type);
  }
}

const question: CreateFrame = {
  type: "response.create",
  input: "How many?",
  metadata: { business_id: "biz_1" },
  idempotency_key: "k1",
};
const createdEvent = {
  type: "response.created",
  response_id: "resp_1",
  sequence_number: 0,
  response: { id: "resp_1", status: "queued", output: [], metadata: { idempotency_key: "k1" } },
};
const step = (sequence: number) => ({
  type: "response.askline.step.started",
  response_id: "resp_1",
  sequence_number: sequence,
  step: "classify",
  attempt: 1,
});
const terminal = (sequence: number) => ({
  type: "response.completed",
  response_id: "resp_1",
  sequence_number: sequence,
  response: { id: "resp_1", status: "completed", output: [] },
});

describe("the socket client", () => {
  let sockets: FakeSocket[];
  let links: Link[];
  let events: ResponseEvent[];
  let failed: [string, ErrorFrame][];
  let lost: string[];
  let tokenIsValid: boolean;
  let client: SocketClient;

  const latest = () => sockets.at(-1) as FakeSocket;
  const seen = () => events.map((event) => event.sequence_number);

  beforeEach(() => {
    vi.useFakeTimers();
    [sockets, links, events, failed, lost, tokenIsValid] = [[], [], [], [], [], true];
    const open = (protocols: string[]) => {
      sockets.push(new FakeSocket(protocols));
      return latest();
    };
    client = new SocketClient(
      { open, random: () => 1, tokenIsValid: async () => tokenIsValid },
      {
        event: (event) => events.push(event),
        createFailed: (key, error) => failed.push([key, error]),
        lost: (id) => lost.push(id),
        problem: () => {},
        link: (link) => links.push(link),
        expiring: () => {},
      },
    );
    client.start("token-1");
  });

  afterEach(() => {
    client.stop();
    vi.useRealTimers();
  });

  it("carries the token as a subprotocol, never in the address", () => {
    expect(latest().protocols).toEqual(["askline", "bearer.token-1"]);
  });

  it("sends a question only after the greeting", () => {
    client.create(question);
    expect(latest().sent).toEqual([]);
    latest().greets();
    expect(latest().sentOf("response.create")).toEqual([question]);
  });

  it("sends a question again when the connection was lost before it was named", () => {
    latest().greets();
    client.create(question);
    latest().dies();
    vi.advanceTimersByTime(500);
    latest().greets();
    expect(sockets).toHaveLength(2);
    expect(latest().sentOf("response.create")).toEqual([question]);
  });

  it("resumes a named response from its last event and does not ask again", () => {
    latest().greets();
    client.create(question);
    [createdEvent, step(1), step(2)].forEach((event) => latest().says(event));
    latest().dies(1012);
    vi.advanceTimersByTime(500);
    latest().greets();
    expect(latest().sent).toEqual([{ type: "response.subscribe", response_id: "resp_1", starting_after: 2 }]);
  });

  it("resumes from the start when nothing was seen", () => {
    client.follow("resp_1", -1);
    latest().greets();
    expect(latest().sent).toEqual([{ type: "response.subscribe", response_id: "resp_1" }]);
  });

  it("drops events that it has seen", () => {
    client.follow("resp_1", 1);
    latest().greets();
    [step(0), step(1), step(2), step(2)].forEach((event) => latest().says(event));
    expect(seen()).toEqual([2]);
  });

  it("asks once for what a gap left out, and goes on in order", () => {
    client.follow("resp_1", 0);
    latest().greets();
    [step(3), step(4)].forEach((event) => latest().says(event));
    expect(latest().sentOf("response.subscribe")).toHaveLength(2);
    [step(1), step(2), step(3), step(4)].forEach((event) => latest().says(event));
    expect(seen()).toEqual([1, 2, 3, 4]);
  });

  it("accepts a hole that nobody fills", () => {
    client.follow("resp_1", 0);
    latest().greets();
    latest().says(step(3));
    vi.advanceTimersByTime(5_001);
    latest().says(step(4));
    expect(seen()).toEqual([4]);
  });

  it("lets a snapshot or the end bridge a hole", () => {
    client.follow("resp_1", 0);
    latest().greets();
    latest().says(terminal(900));
    expect(seen()).toEqual([900]);
  });

  it("follows nothing after the end", () => {
    client.follow("resp_1", 0);
    latest().greets();
    latest().says(terminal(1));
    latest().dies();
    vi.advanceTimersByTime(500);
    latest().greets();
    expect(latest().sent).toEqual([]);
  });

  it("waits longer after each failure, up to 15 s, and starts anew after a greeting", () => {
    const waits = [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000];
    for (const wait of waits) {
      latest().dies();
      expect(links.at(-1)).toEqual({ state: "waiting", retryAtMs: Date.now() + wait });
      vi.advanceTimersByTime(wait);
    }
    latest().greets();
    latest().dies();
    expect(links.at(-1)).toEqual({ state: "waiting", retryAtMs: Date.now() + 500 });
  });

  it("does not come back after a final close", () => {
    latest().greets();
    latest().dies(4503);
    vi.advanceTimersByTime(60_000);
    expect(sockets).toHaveLength(1);
    expect(links.at(-1)).toMatchObject({ state: "refused" });
  });

  it("asks for a new login after 4419 and goes on with it", () => {
    client.follow("resp_1", 3);
    latest().greets();
    latest().dies(4419);
    expect(links.at(-1)).toEqual({ state: "expired" });
    client.renew("token-2");
    latest().greets();
    expect(latest().protocols).toEqual(["askline", "bearer.token-2"]);
    expect(latest().sent).toEqual([{ type: "response.subscribe", response_id: "resp_1", starting_after: 3 }]);
  });

  it("asks for a new login when the server does not know the token", () => {
    latest().dies(4505);
    expect(links.at(-1)).toEqual({ state: "expired" });
  });

  it("tells a refused token from a server that is away", async () => {
    tokenIsValid = false;
    latest().dies();
    await vi.advanceTimersByTimeAsync(0);
    expect(links.at(-1)).toEqual({ state: "expired" });
  });

  it("renews the token on an open socket", () => {
    latest().greets();
    client.renew("token-2");
    expect(latest().sent).toEqual([{ type: "session.update", token: "token-2" }]);
    expect(sockets).toHaveLength(1);
  });

  it("takes silence for a lost connection", () => {
    latest().greets();
    vi.advanceTimersByTime(25_000);
    expect(latest().sentOf("ping")).toHaveLength(1);
    vi.advanceTimersByTime(10_000);
    expect(latest().closedWith).toBe(4000);
    vi.advanceTimersByTime(500);
    expect(sockets).toHaveLength(2);
  });

  it("stays while pongs arrive", () => {
    latest().greets();
    for (let i = 0; i < 10; i += 1) {
      vi.advanceTimersByTime(25_000);
      latest().says({ type: "pong", t: 1 });
    }
    expect(sockets).toHaveLength(1);
  });

  it("repeats a stop until the response has ended", () => {
    client.follow("resp_1", 0);
    latest().greets();
    client.cancel("resp_1");
    latest().dies();
    vi.advanceTimersByTime(500);
    latest().greets();
    expect(latest().sentOf("response.cancel")).toHaveLength(1);
    latest().says(terminal(1));
    latest().dies();
    vi.advanceTimersByTime(500);
    latest().greets();
    expect(latest().sentOf("response.cancel")).toHaveLength(0);
  });

  it("reports a question that was not taken, and does not repeat it", () => {
    latest().greets();
    client.create(question);
    const error = { type: "error", code: "rate_limited", message: "Too many.", retryable: true, idempotency_key: "k1" };
    latest().says(error);
    expect(failed).toEqual([["k1", error]]);
    latest().dies();
    vi.advanceTimersByTime(500);
    latest().greets();
    expect(latest().sentOf("response.create")).toEqual([]);
  });

  it("says at once that a question is too long to send", () => {
    client.create({ ...question, input: "é".repeat(40_000) });
    expect(failed[0]?.[1].code).toBe("input_too_long");
  });

  it("follows again what the server had no room for", () => {
    client.follow("resp_1", 4);
    latest().greets();
    latest().says({
      type: "error",
      code: "too_many_responses",
      message: "Wait.",
      retryable: true,
      response_id: "resp_1",
    });
    vi.advanceTimersByTime(2_000);
    expect(latest().sentOf("response.subscribe")).toHaveLength(2);
    expect(lost).toEqual([]);
  });

  it("gives up a response that the server does not know", () => {
    client.follow("resp_1", 0);
    latest().greets();
    latest().says({ type: "error", code: "not_found", message: "Unknown.", retryable: false, response_id: "resp_1" });
    expect(lost).toEqual(["resp_1"]);
  });

  it("survives frames that are no JSON", () => {
    latest().greets();
    latest().onmessage?.({ data: "{" } as MessageEvent);
    latest().onmessage?.({ data: "null" } as MessageEvent);
    expect(sockets).toHaveLength(1);
  });
});
