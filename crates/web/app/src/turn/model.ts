import type { ApprovalState, Cell, ChangeKind, Column, Failure } from "../wire";

export type Phase = "sending" | "queued" | "running" | "completed" | "failed" | "incomplete";

export interface Step {
  name: string;
  attempt: number;
  state: "running" | "done" | "ended";
  startedMs: number;
  durationMs: number | null;
  detail: string;
  tokens: number;
}

export interface Item {
  id: string;
  text: string;
  done: boolean;
}

export interface Table {
  columns: Column[];
  rows: Cell[][];
  rowCount: number;
  truncated: boolean;
}

export interface Rejection {
  sql: string | null;
  rule: string;
  message: string;
}

export interface Notice {
  code: string;
  message: string;
}

/** A change of data that waits, or waited, for a person's word. */
export interface Change {
  sql: string;
  kind: ChangeKind;
  table: string;
  affectedRows: number;
  /** The first rows; null where the rules of the connection do not show them. */
  preview: Table | null;
  state: ApprovalState;
  /** Whether this person may approve it; null until the server has said so. */
  mayDecide: boolean | null;
  executedAs: string | null;
  changedRows: number | null;
  error: string | null;
  expiresMs: number;
}

/** A question and all that is known of its answer. Plain data: it is kept over a reload of the page. */
export interface Turn {
  /** The idempotency key of a question that this page asked, else the response's id. */
  key: string;
  responseId: string | null;
  /** `conv_…`, or the page's own draft id until the server has named it. */
  conversation: string;
  connection: string | null;
  /** The connection that this turn tests; such a turn belongs to no conversation. */
  testOf: string | null;
  question: string;
  phase: Phase;
  stopping: boolean;
  createdMs: number;
  steps: Step[];
  items: Item[];
  sql: string | null;
  confidence: number | null;
  rejections: Rejection[];
  notices: Notice[];
  table: Table | null;
  /** What it asks a person to approve. */
  change: Change | null;
  resultId: string | null;
  queue: { position: number; waitMs: number | null } | null;
  error: Failure | null;
  reason: string | null;
  tokens: number | null;
  /** The number of the last event that is part of this state; -1 before the first. */
  lastSequence: number;
}

export interface Asked {
  key: string;
  conversation: string;
  connection: string | null;
  question: string;
  createdMs: number;
}

export function newTurn(asked: Asked): Turn {
  return {
    ...asked,
    responseId: null,
    testOf: null,
    phase: "sending",
    stopping: false,
    steps: [],
    items: [],
    sql: null,
    confidence: null,
    rejections: [],
    notices: [],
    table: null,
    change: null,
    resultId: null,
    queue: null,
    error: null,
    reason: null,
    tokens: null,
    lastSequence: -1,
  };
}

export function isOver(turn: Turn): boolean {
  return turn.phase === "completed" || turn.phase === "failed" || turn.phase === "incomplete";
}

export function answerOf(turn: Turn): string {
  return turn.items.map((item) => item.text).join("");
}

export function tokensOf(turn: Turn): number {
  return turn.tokens ?? turn.steps.reduce((sum, step) => sum + step.tokens, 0);
}

export function durationOf(turn: Turn): number {
  return turn.steps.reduce((sum, step) => sum + (step.durationMs ?? 0), 0);
}
