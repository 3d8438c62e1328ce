const COUNT = new Intl.NumberFormat("en");

export function count(value: number, one: string, many = `${one}s`): string {
  return `${COUNT.format(value)} ${value === 1 ? one : many}`;
}

export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.floor((ms % 60_000) / 1_000)} s`;
}

/** How long ago, coarsely: for lists. */
export function ago(thenMs: number, nowMs: number): string {
  const minutes = Math.floor((nowMs - thenMs) / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ago`;
  return new Date(thenMs).toLocaleDateString("en", { day: "numeric", month: "short", year: "numeric" });
}

const STEPS: Record<string, string> = {
  classify: "Understanding the question",
  generate_sql: "Writing the SQL",
  execute_sql: "Asking the database",
  reply: "Writing the answer",
  execute_change: "Making the change",
  test_connection: "Testing the connection",
  introspect: "Reading the tables",
};

/** What a step does, for people. A step of a later server is named by its own name. */
export function stepLabel(name: string): string {
  const words = name.replaceAll("_", " ");
  return STEPS[name] ?? words.charAt(0).toUpperCase() + words.slice(1);
}

const DIALECTS: Record<string, string> = { sqlite: "SQLite", postgres: "PostgreSQL", mysql: "MySQL" };

export function dialectLabel(dialect: string): string {
  return DIALECTS[dialect] ?? dialect;
}
