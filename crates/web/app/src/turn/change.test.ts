import { describe, expect, it } from "vitest";
import type { Approval, ResponseEvent } from "../wire";
import { fromApproval, fromEvent, intention, newer, outcome } from "./change";
import { fromHistory, merge } from "./history";
import { newTurn } from "./model";
import { reduce } from "./reduce";

const required = {
  type: "response.askline.approval.required",
  response_id: "resp_1",
  sequence_number: 7,
  approval_id: "apr_1",
  sql: "DELETE FROM orders WHERE id = 3",
  kind: "delete",
  table: "orders",
  affected_rows: 1,
  preview: { columns: [{ name: "id", data_type: "INTEGER" }], rows: [[3]], truncated: false },
  expires_at: 1_760_604_800,
} satisfies ResponseEvent;

const approval: Approval = {
  id: "apr_1",
  response_id: "resp_1",
  executed_as: null,
  question: "Cancel order 3.",
  sql: required.sql,
  kind: "delete",
  table: "orders",
  affected_rows: 1,
  preview: required.preview,
  state: "pending",
  changed_rows: null,
  error: null,
  may_decide: true,
  expires_ms: 1_760_604_800_000,
};

const asked = { key: "k1", conversation: "conv_1", connection: "con_1", question: "Cancel order 3.", createdMs: 1 };

describe("a change", () => {
  it("does not begin again when an answer comes late", () => {
    const running = fromApproval({ ...approval, state: "running" });
    const done = fromApproval({ ...approval, state: "done" });
    expect(newer(done, running)).toBe(done);
    expect(newer(running, done)).toBe(done);
    expect(newer(null, running)).toBe(running);
  });

  it("is part of the turn that asks for it, and waits until the server says who may decide", () => {
    const turn = reduce(newTurn(asked), required, 5_000);
    expect(turn.change).toMatchObject({ state: "pending", mayDecide: null, affectedRows: 1, expiresMs: 1_760_604_800_000 });
    expect(turn.change?.preview).toEqual({ ...required.preview, rowCount: 1 });
  });

  it("is the same from the server as from the event, but for who may decide", () => {
    expect(fromApproval(approval)).toEqual({ ...fromEvent(required), mayDecide: true });
    expect(fromApproval({ ...approval, preview: null }).preview).toBeNull();
  });

  it("says what it would do", () => {
    expect(intention(fromEvent(required))).toBe("Delete 1 row of orders");
    expect(intention(fromEvent({ ...required, kind: "insert", affected_rows: 2 }))).toBe("Add 2 rows to orders");
    expect(intention(fromEvent({ ...required, kind: "update", affected_rows: 1_000 }))).toBe("Change 1,000 rows of orders");
  });

  it("says what became of it", () => {
    const became = (change: Partial<Approval>) => outcome(fromApproval({ ...approval, ...change }));
    expect(became({})).toBeNull();
    expect(became({ state: "running" })).toContain("being made");
    expect(became({ state: "declined" })).toContain("Nothing was changed");
    expect(became({ state: "expired" })).toContain("in time");
    expect(became({ state: "done", changed_rows: 1 })).toBe("Done: 1 row.");
    expect(became({ state: "failed", error: "3 rows would have changed." })).toBe("3 rows would have changed.");
    expect(became({ state: "unknown" })).toContain("Look at the rows");
  });

  it("outlives a look at the history, which knows nothing of it", () => {
    const live = { ...reduce(newTurn(asked), required, 5_000), phase: "running" as const };
    const stored = fromHistory(
      {
        id: "resp_1",
        question: asked.question,
        state: "completed",
        answer: "This would delete 1 row.",
        sql: null,
        result_id: null,
        error: null,
        reason: null,
        created_ms: 1,
        connection: "con_1",
      },
      "conv_1",
    );
    expect(merge([stored], [live])[0]?.change?.sql).toBe(required.sql);
  });
});
