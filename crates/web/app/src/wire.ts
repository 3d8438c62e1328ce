// What the server speaks. The field names are those on the wire.

export type Cell = null | boolean | number | string | object;

export interface Column {
  name: string;
  data_type: string;
}

export interface Rows {
  columns: Column[];
  rows: Cell[][];
  truncated: boolean;
}

export type ChangeKind = "insert" | "update" | "delete";

export type ApprovalState =
  "pending" | "approved" | "declined" | "expired" | "running" | "done" | "failed" | "unknown";

/** A change of data that somebody asked for. */
export interface Approval {
  id: string;
  response_id: string;
  executed_as: string | null;
  question: string;
  sql: string;
  kind: ChangeKind;
  table: string;
  affected_rows: number;
  preview: Rows | null;
  state: ApprovalState;
  changed_rows: number | null;
  error: string | null;
  may_decide: boolean;
  expires_ms: number;
}

export interface Failure {
  code: string;
  message: string;
}

export interface OutputItem {
  id: string;
  status: string;
  content: { text: string }[];
}

export interface ResponseObject {
  id: string;
  status: "queued" | "in_progress" | "completed" | "failed" | "incomplete";
  output: OutputItem[];
  error?: Failure | null;
  incomplete_details?: { reason: string } | null;
  usage?: { input_tokens: number; output_tokens: number; total_tokens: number } | null;
  conversation?: { id: string } | null;
  metadata?: Record<string, string>;
}

type Lifecycle =
  | "response.created"
  | "response.queued"
  | "response.in_progress"
  | "response.completed"
  | "response.failed"
  | "response.incomplete";

interface Part {
  item_id: string;
  output_index: number;
  content_index: number;
}

/** An event of a response. `queue.position` alone carries no sequence number. */
export type ResponseEvent = { response_id: string; sequence_number?: number } & (
  | { type: Lifecycle; response: ResponseObject }
  | { type: "response.output_item.added" | "response.output_item.done"; output_index: number; item: OutputItem }
  | ({ type: "response.content_part.added" | "response.content_part.done"; part: { text: string } } & Part)
  | ({ type: "response.output_text.delta"; delta: string } & Part)
  | ({ type: "response.output_text.done"; text: string } & Part)
  | { type: "response.askline.step.started"; step: string; attempt: number }
  | {
      type: "response.askline.step.completed";
      step: string;
      attempt: number;
      duration_ms: number;
      detail: string;
      tokens: number;
    }
  | { type: "response.askline.notice"; code: string; message: string }
  | {
      type: "response.askline.sql.generated";
      sql: string;
      dialect: string;
      tables: string[];
      confidence?: number;
    }
  | { type: "response.askline.sql.rejected"; rule: string; message: string }
  | { type: "response.askline.rows"; columns: Column[]; rows: Cell[][]; row_count: number; truncated: boolean }
  | {
      type: "response.askline.approval.required";
      approval_id: string;
      sql: string;
      kind: ChangeKind;
      table: string;
      affected_rows: number;
      preview: Rows;
      /** Unix seconds. */
      expires_at: number;
    }
  | { type: "response.askline.queue.position"; position: number; estimated_wait_ms?: number }
);

export interface ErrorFrame extends Failure {
  type: "error";
  param?: string | null;
  retryable?: boolean;
  idempotency_key?: string;
  response_id?: string;
}

export type ServerFrame =
  | { type: "session.created"; session_id: string; ttl?: number; ping_interval_ms?: number }
  | { type: "session.expiring" | "session.updated"; ttl: number }
  | { type: "pong"; t?: number }
  | ErrorFrame
  | ResponseEvent;

export interface CreateFrame {
  type: "response.create";
  input: string;
  conversation?: string;
  connection?: string;
  metadata: { business_id: string };
  idempotency_key: string;
}

export type ClientFrame =
  | CreateFrame
  | { type: "response.cancel"; response_id: string }
  | { type: "response.subscribe"; response_id: string; starting_after?: number }
  | { type: "session.update"; token: string }
  | { type: "ping"; t: number };

export interface Business {
  business: string;
  business_name: string;
  role: "viewer" | "member" | "manager" | "admin";
}

export interface User {
  id: string;
  email: string;
}

export interface Login {
  token: string;
  expires_at_ms: number;
  user: User;
  businesses: Business[];
}

export interface Connection {
  id: string;
  name: string;
  dialect: string;
  status: "new" | "ready" | "failed";
  status_message: string;
  allows_writes: boolean;
  created_ms: number;
}

export interface ConversationSummary {
  id: string;
  title: string;
  updated_ms: number;
  turns: number;
}

export interface StoredTurn {
  id: string;
  question: string;
  state: "offered" | "accepted" | "refused" | "completed" | "failed" | "incomplete";
  answer: string | null;
  sql: string | null;
  result_id: string | null;
  error: Failure | null;
  reason: string | null;
  created_ms: number;
  connection: string | null;
}
