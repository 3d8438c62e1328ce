import { describe, expect, it } from "vitest";
import type { ResponseEvent, ResponseObject } from "../wire";
import { answerOf, newTurn, tokensOf, type Turn } from "./model";
import { reduce } from "./reduce";

const asked = { key: "k1", conversation: "draft_1", connection: "con_1", question: "How many?", createdMs: 1_000 };

function response(change: Partial<ResponseObject> = {}): ResponseObject {
  return { id: "resp_1", status: "in_progress", output: [], ...change };
}

type Bare = ResponseEvent extends infer E
  ? E extends unknown
    ? Omit<E, "response_id" | "sequence_number">
    : never
  : never;

function after(...events: Bare[]): Turn {
  return events.reduce<Turn>((turn, event, index) => {
    const numbered = { ...event, response_id: "resp_1", sequence_number: index } as ResponseEvent;
    return reduce(turn, numbered, 5_000);
  }, newTurn(asked));
}

function message(text: string, status = "completed") {
  return { id: "msg_1", status, content: [{ text }] };
}

const added: Bare = {
  type: "response.output_item.added",
  output_index: 0,
  item: { id: "msg_1", status: "in_progress", content: [] },
};
const delta = (text: string): Bare => ({
  type: "response.output_text.delta",
  item_id: "msg_1",
  output_index: 0,
  content_index: 0,
  delta: text,
});
const started = (step: string, attempt = 1): Bare => ({ type: "response.askline.step.started", step, attempt });
const completed = (step: string, tokens: number, attempt = 1): Bare => ({
  type: "response.askline.step.completed",
  step,
  attempt,
  duration_ms: 120,
  detail: "sql",
  tokens,
});

describe("a turn", () => {
  it("learns its response and its conversation from response.created", () => {
    const turn = after({ type: "response.created", response: response({ conversation: { id: "conv_1" } }) });
    expect(turn).toMatchObject({ responseId: "resp_1", conversation: "conv_1", phase: "queued", lastSequence: 0 });
  });

  it("joins the deltas of its answer", () => {
    expect(answerOf(after(added, delta("42 "), delta("customers")))).toBe("42 customers");
  });

  it("shows deltas whose item was never announced", () => {
    expect(answerOf(after(delta("42")))).toBe("42");
  });

  it("counts time and tokens per step", () => {
    const turn = after(
      started("classify"),
      completed("classify", 12),
      started("generate_sql"),
      completed("generate_sql", 30),
    );
    expect(turn.steps.map((step) => [step.name, step.state, step.durationMs])).toEqual([
      ["classify", "done", 120],
      ["generate_sql", "done", 120],
    ]);
    expect(tokensOf(turn)).toBe(42);
  });

  it("keeps a correction round of the same step as a step of its own", () => {
    const turn = after(started("generate_sql"), completed("generate_sql", 1), started("generate_sql"));
    expect(turn.steps.map((step) => step.state)).toEqual(["done", "running"]);
  });

  it("voids unfinished text when a step runs again", () => {
    const turn = after(started("reply"), added, delta("4"), started("reply", 2), delta("42"));
    expect(answerOf(turn)).toBe("42");
    expect(turn.steps).toHaveLength(1);
    expect(turn.steps[0]).toMatchObject({ attempt: 2, state: "running" });
  });

  it("keeps finished text when a later step runs again", () => {
    const done: Bare = { type: "response.output_item.done", output_index: 0, item: message("done") };
    expect(answerOf(after(added, delta("do"), done, started("reply", 2)))).toBe("done");
  });

  it("takes the text of a snapshot after a hole", () => {
    const snapshot: Bare = {
      type: "response.in_progress",
      response: response({ output: [message("so far", "in_progress")] }),
    };
    expect(answerOf(after(added, delta("so"), snapshot, delta(" good")))).toBe("so far good");
  });

  it("ends with the text, SQL and result of the terminal event", () => {
    const end = response({
      status: "completed",
      output: [message("42 customers.")],
      metadata: { sql: "SELECT 42", result_id: "res_1" },
      usage: { input_tokens: 5, output_tokens: 6, total_tokens: 11 },
    });
    const turn = after(started("reply"), added, delta("42"), { type: "response.completed", response: end });
    expect(answerOf(turn)).toBe("42 customers.");
    expect(turn).toMatchObject({ phase: "completed", sql: "SELECT 42", resultId: "res_1", tokens: 11 });
    expect(turn.steps[0]?.state).toBe("ended");
  });

  it("fails with the reason and without half an answer", () => {
    const error = { code: "deadline_exceeded", message: "It took too long." };
    const turn = after(delta("4"), { type: "response.failed", response: response({ status: "failed", error }) });
    expect(turn).toMatchObject({ phase: "failed", error });
    expect(answerOf(turn)).toBe("");
  });

  it("keeps what was written when it is stopped", () => {
    const stopped = response({ status: "incomplete", incomplete_details: { reason: "cancelled" } });
    const turn = after(delta("4"), { type: "response.incomplete", response: stopped });
    expect(turn).toMatchObject({ phase: "incomplete", reason: "cancelled", stopping: false });
    expect(answerOf(turn)).toBe("4");
  });

  it("remembers a refused statement and shows the one written after it", () => {
    const wrote = (sql: string): Bare => ({
      type: "response.askline.sql.generated",
      sql,
      dialect: "sqlite",
      tables: [],
    });
    const refused: Bare = { type: "response.askline.sql.rejected", rule: "unknown_table", message: "No such table." };
    const turn = after(wrote("SELECT 1 FROM x"), refused, wrote("SELECT 1"));
    expect(turn.sql).toBe("SELECT 1");
    expect(turn.rejections).toEqual([{ sql: "SELECT 1 FROM x", rule: "unknown_table", message: "No such table." }]);
  });

  it("shows its place in the queue until a step begins", () => {
    const queued = reduce(
      after(),
      { type: "response.askline.queue.position", response_id: "resp_1", position: 3, estimated_wait_ms: 4_000 },
      0,
    );
    expect(queued).toMatchObject({ queue: { position: 3, waitMs: 4_000 }, lastSequence: -1 });
    const event: ResponseEvent = {
      type: "response.askline.step.started",
      step: "x",
      attempt: 1,
      response_id: "resp_1",
      sequence_number: 0,
    };
    expect(reduce(queued, event, 0).queue).toBeNull();
  });

  it("says a repeated notice once", () => {
    const notice: Bare = { type: "response.askline.notice", code: "schema_cut", message: "Cut." };
    expect(after(notice, notice).notices).toEqual([{ code: "schema_cut", message: "Cut." }]);
  });

  it("ignores events of a later server", () => {
    const unknown = { type: "response.askline.chart", vega_lite: {} } as unknown as Bare;
    expect(after(unknown)).toMatchObject({ phase: "sending", lastSequence: 0 });
  });
});
