import type { StoredTurn } from "../wire";
import { isOver, newTurn, type Phase, type Turn } from "./model";

const REFUSED = {
  code: "refused",
  message: "This question was not taken, because the queue could not be reached. Ask it again.",
};

export function fromHistory(stored: StoredTurn, conversation: string): Turn {
  const asked = {
    key: stored.id,
    conversation,
    connection: stored.connection,
    question: stored.question,
    createdMs: stored.created_ms,
  };
  return {
    ...newTurn(asked),
    responseId: stored.id,
    phase: phaseOf(stored.state),
    items: stored.answer ? [{ id: stored.id, text: stored.answer, done: true }] : [],
    sql: stored.sql,
    resultId: stored.result_id,
    error: stored.error ?? (stored.state === "refused" ? REFUSED : null),
    reason: stored.reason,
  };
}

/** What is live knows more (steps, tokens, rows) than history, unless only history knows the end. */
export function merge(history: Turn[], live: Turn[]): Turn[] {
  const unmatched = new Map(live.map((turn) => [turn.responseId ?? turn.key, turn]));
  const known = history.map((stored) => {
    const same = unmatched.get(stored.key);
    unmatched.delete(stored.key);
    return same && (isOver(same) || !isOver(stored)) ? same : keepKey(stored, same);
  });
  return [...known, ...unmatched.values()];
}

function keepKey(stored: Turn, same: Turn | undefined): Turn {
  return same ? { ...stored, key: same.key, steps: same.steps, notices: same.notices, change: same.change } : stored;
}

function phaseOf(state: StoredTurn["state"]): Phase {
  if (state === "offered" || state === "accepted") return "running";
  return state === "refused" ? "failed" : state;
}
