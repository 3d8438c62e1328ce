import { describe, expect, it } from "vitest";
import type { StoredTurn } from "../wire";
import { fromHistory, merge } from "./history";
import { answerOf, newTurn, type Turn } from "./model";

const stored: StoredTurn = {
  id: "resp_1",
  question: "How many?",
  state: "completed",
  answer: "42",
  sql: "SELECT 42",
  result_id: "res_1",
  error: null,
  reason: null,
  created_ms: 1,
  connection: "con_1",
};

function live(change: Partial<Turn>): Turn {
  const asked = { key: "k1", conversation: "conv_1", connection: null, question: "How many?", createdMs: 1 };
  return { ...newTurn(asked), responseId: "resp_1", phase: "running", lastSequence: 4, ...change };
}

describe("history", () => {
  it("becomes turns with answer, SQL and result", () => {
    const turn = fromHistory(stored, "conv_1");
    expect(answerOf(turn)).toBe("42");
    expect(turn).toMatchObject({ phase: "completed", sql: "SELECT 42", resultId: "res_1", lastSequence: -1 });
  });

  it("shows an unfinished turn as running and a refused one as failed", () => {
    expect(fromHistory({ ...stored, state: "accepted", answer: null }, "conv_1").phase).toBe("running");
    const refused = fromHistory({ ...stored, state: "refused", answer: null }, "conv_1");
    expect(refused.phase).toBe("failed");
    expect(refused.error?.message).toContain("Ask it again");
  });

  it("gives way to what is live", () => {
    const running = live({});
    expect(merge([fromHistory({ ...stored, state: "accepted" }, "conv_1")], [running])).toEqual([running]);
  });

  it("wins where only it knows the end, under the key that the page uses", () => {
    const merged = merge([fromHistory(stored, "conv_1")], [live({})]);
    expect(merged).toHaveLength(1);
    expect(merged[0]).toMatchObject({ key: "k1", phase: "completed" });
  });

  it("keeps questions that the server has not named yet", () => {
    const sending = live({ key: "k2", responseId: null, phase: "sending" });
    expect(merge([fromHistory(stored, "conv_1")], [sending]).map((turn) => turn.key)).toEqual(["resp_1", "k2"]);
  });
});
