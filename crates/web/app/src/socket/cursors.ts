import type { ResponseEvent } from "../wire";

const REPAIR_MS = 5_000;

interface Cursor {
  last: number;
  repairUntilMs: number;
}

/** What to do with an event: show it, drop it (seen already), or ask for what lies before it. */
export type Judgement = "show" | "drop" | "repair";

/** The last sequence number seen of each response that is followed. */
export class Cursors {
  private readonly byResponse = new Map<string, Cursor>();

  follow(responseId: string, last: number): void {
    if (!this.byResponse.has(responseId)) this.byResponse.set(responseId, { last, repairUntilMs: 0 });
  }

  forget(responseId: string): void {
    this.byResponse.delete(responseId);
  }

  has(responseId: string): boolean {
    return this.byResponse.has(responseId);
  }

  all(): [string, number][] {
    return [...this.byResponse].map(([id, cursor]) => [id, cursor.last]);
  }

  last(responseId: string): number {
    return this.byResponse.get(responseId)?.last ?? -1;
  }

  judge(event: ResponseEvent, nowMs: number): Judgement {
    const cursor = this.byResponse.get(event.response_id);
    if (!cursor) return "drop";
    const sequence = event.sequence_number;
    if (sequence === undefined) return "show";
    if (sequence <= cursor.last) return "drop";
    if (sequence > cursor.last + 1 && !bridges(event)) {
      const verdict = this.gap(cursor, nowMs);
      if (verdict !== "show") return verdict;
    }
    cursor.last = sequence;
    cursor.repairUntilMs = 0;
    return "show";
  }

  /** Asks once for the missing events. When they do not come in time the hole is accepted: the terminal event carries
   * the whole text anyway, and waiting for ever would show nothing. */
  private gap(cursor: Cursor, nowMs: number): Judgement {
    if (cursor.repairUntilMs === 0) {
      cursor.repairUntilMs = nowMs + REPAIR_MS;
      return "repair";
    }
    return nowMs < cursor.repairUntilMs ? "drop" : "show";
  }
}

/** After a lost log one snapshot bridges the hole, and a terminal event carries everything. */
function bridges(event: ResponseEvent): boolean {
  if (!("response" in event)) return false;
  return event.type !== "response.in_progress" || event.response.output.length > 0;
}

export function isTerminal(event: ResponseEvent): boolean {
  return (
    event.type === "response.completed" || event.type === "response.failed" || event.type === "response.incomplete"
  );
}
