export type Verdict = { kind: "again" } | { kind: "expired" } | { kind: "final"; message: string };

const FINAL: Record<number, string> = {
  4501: "The server did not understand this page. Reload it: it may be older than the server.",
  4503: "You may not use this business. Ask an administrator for access, or sign in as someone else.",
  4504: "Too many windows are connected for this account. Close one and reload this page.",
};

/** The token has expired, or is not valid at this server (any more). */
const LOG_IN = [4419, 4505];

/** What to do after a close. 4400-4499 may be opened again, 4500-4999 must not; all else is a lost connection. */
export function verdictOf(code: number): Verdict {
  if (LOG_IN.includes(code)) return { kind: "expired" };
  if (code < 4500 || code > 4999) return { kind: "again" };
  return {
    kind: "final",
    message: FINAL[code] ?? `The server closed the connection for good (${code}). Reload the page.`,
  };
}
