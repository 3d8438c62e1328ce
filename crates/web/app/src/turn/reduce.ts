import type { OutputItem, ResponseEvent, ResponseObject } from "../wire";
import { fromEvent } from "./change";
import type { Item, Phase, Step, Turn } from "./model";

/** The turn after an event. `nowMs` dates the steps: events carry no time of their own. */
export function reduce(turn: Turn, event: ResponseEvent, nowMs: number): Turn {
  const next = apply(turn, event, nowMs);
  const lastSequence = Math.max(turn.lastSequence, event.sequence_number ?? -1);
  return { ...next, responseId: event.response_id, lastSequence };
}

function apply(turn: Turn, event: ResponseEvent, nowMs: number): Turn {
  switch (event.type) {
    case "response.created":
      return created(turn, event.response);
    case "response.queued":
      return { ...turn, phase: turn.phase === "sending" ? "queued" : turn.phase };
    case "response.in_progress":
      return inProgress(turn, event.response);
    case "response.output_item.added":
      return withItem(turn, event.item.id, () => fromOutput(event.item, false));
    case "response.output_text.delta":
      return withItem(turn, event.item_id, (item) => ({ ...item, text: item.text + event.delta }));
    case "response.output_text.done":
      return withItem(turn, event.item_id, (item) => ({ ...item, text: event.text }));
    case "response.output_item.done":
      return withItem(turn, event.item.id, () => fromOutput(event.item, true));
    case "response.askline.step.started":
      return stepStarted(turn, event.step, event.attempt, nowMs);
    case "response.askline.step.completed":
      return stepCompleted(turn, {
        name: event.step,
        attempt: event.attempt,
        state: "done",
        startedMs: nowMs - event.duration_ms,
        durationMs: event.duration_ms,
        detail: event.detail,
        tokens: event.tokens,
      });
    case "response.askline.notice":
      return noticed(turn, event.code, event.message);
    case "response.askline.sql.generated":
      return { ...turn, sql: event.sql, confidence: event.confidence ?? null };
    case "response.askline.sql.rejected":
      return {
        ...turn,
        rejections: [...turn.rejections, { sql: turn.sql, rule: event.rule, message: event.message }],
      };
    case "response.askline.rows":
      return {
        ...turn,
        table: {
          columns: event.columns,
          rows: event.rows,
          rowCount: event.row_count,
          truncated: event.truncated,
        },
      };
    case "response.askline.approval.required":
      return { ...turn, change: fromEvent(event) };
    case "response.askline.queue.position":
      return { ...turn, queue: { position: event.position, waitMs: event.estimated_wait_ms ?? null } };
    case "response.completed":
      return ended(turn, "completed", event.response);
    case "response.failed":
      return ended(turn, "failed", event.response);
    case "response.incomplete":
      return ended(turn, "incomplete", event.response);
    default:
      return turn;
  }
}

function created(turn: Turn, response: ResponseObject): Turn {
  return {
    ...turn,
    phase: turn.phase === "sending" ? "queued" : turn.phase,
    conversation: response.conversation?.id ?? turn.conversation,
  };
}

/** Beside its usual meaning this is the snapshot after a hole in the log: then it carries the text so far. */
function inProgress(turn: Turn, response: ResponseObject): Turn {
  const items = response.output.length > 0 ? itemsOf(response) : turn.items;
  return { ...turn, phase: "running", queue: null, items };
}

/** With an attempt above 1 the earlier run was lost, and what it streamed of an unfinished item is void. */
function stepStarted(turn: Turn, name: string, attempt: number, nowMs: number): Turn {
  const begun: Step = { name, attempt, state: "running", startedMs: nowMs, durationMs: null, detail: "", tokens: 0 };
  const earlier =
    attempt > 1 ? turn.steps.filter((step) => step.name !== name || step.state !== "running") : turn.steps;
  return {
    ...turn,
    phase: "running",
    queue: null,
    steps: [...earlier, begun],
    items: attempt > 1 ? turn.items.filter((item) => item.done) : turn.items,
  };
}

function stepCompleted(turn: Turn, done: Step): Turn {
  const index = turn.steps.findLastIndex((step) => step.name === done.name && step.state === "running");
  if (index < 0) return { ...turn, steps: [...turn.steps, done] };
  return { ...turn, steps: turn.steps.with(index, done) };
}

function noticed(turn: Turn, code: string, message: string): Turn {
  if (turn.notices.some((notice) => notice.code === code && notice.message === message)) return turn;
  return { ...turn, notices: [...turn.notices, { code, message }] };
}

function ended(turn: Turn, phase: Phase, response: ResponseObject): Turn {
  const metadata = response.metadata ?? {};
  return {
    ...turn,
    phase,
    stopping: false,
    queue: null,
    conversation: response.conversation?.id ?? turn.conversation,
    items: finalItems(turn, phase, response),
    steps: turn.steps.map((step) => (step.state === "running" ? { ...step, state: "ended" } : step)),
    sql: metadata.sql ?? turn.sql,
    resultId: metadata.result_id ?? turn.resultId,
    error: response.error ?? null,
    reason: response.incomplete_details?.reason ?? null,
    tokens: response.usage?.total_tokens ?? turn.tokens,
  };
}

/** The terminal event carries the whole text. Only what a person stopped keeps what was written until then. */
function finalItems(turn: Turn, phase: Phase, response: ResponseObject): Item[] {
  if (phase === "incomplete" && response.output.length === 0) return turn.items;
  return itemsOf(response);
}

function itemsOf(response: ResponseObject): Item[] {
  return response.output.map((item) => fromOutput(item, item.status === "completed"));
}

function fromOutput(item: OutputItem, done: boolean): Item {
  return { id: item.id, text: item.content.map((part) => part.text).join(""), done };
}

function withItem(turn: Turn, id: string, change: (item: Item) => Item): Turn {
  const index = turn.items.findIndex((item) => item.id === id);
  if (index < 0) return { ...turn, items: [...turn.items, change({ id, text: "", done: false })] };
  return { ...turn, items: turn.items.with(index, change(turn.items[index] as Item)) };
}
