export interface Token {
  kind: "keyword" | "string" | "number" | "plain";
  text: string;
}

const KEYWORDS = new Set(
  (
    "select from where group by order having limit offset join inner left right full outer cross on as and or not " +
    "in is null like ilike between case when then else end distinct union all except intersect with asc desc exists " +
    "cast over partition true false using recursive interval filter fetch first rows only"
  ).split(" "),
);

const CLAUSES = /^(from|where|group|order|having|limit|union|except|intersect|join|inner|left|right|full|cross)$/i;
const JOIN_PREFIX = /^(inner|left|right|full|cross|outer)$/i;
const PATTERN = /'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\d+(?:\.\d+)?|[A-Za-z_][A-Za-z0-9_$]*|\s+|./gsu;

export function tokens(sql: string): Token[] {
  return (sql.match(PATTERN) ?? []).map((text) => ({ kind: kindOf(text), text }));
}

function kindOf(text: string): Token["kind"] {
  if (text.startsWith("'")) return "string";
  if (/^\d/.test(text)) return "number";
  return KEYWORDS.has(text.toLowerCase()) ? "keyword" : "plain";
}

/** Puts the main clauses of a one-line statement on lines of their own. Only white space changes. */
export function laidOut(sql: string): Token[] {
  const all = tokens(sql.trim());
  if (sql.trim().includes("\n")) return all;
  let depth = 0;
  let previousWord = "";
  return all.map((token, index) => {
    if (token.text === "(") depth += 1;
    if (token.text === ")") depth -= 1;
    const next = all[index + 1];
    const breaks = depth === 0 && /^\s+$/.test(token.text) && next !== undefined && startsClause(next, previousWord);
    if (token.text.trim() !== "") previousWord = token.text;
    return breaks ? { kind: "plain", text: "\n" } : token;
  });
}

function startsClause(token: Token, previousWord: string): boolean {
  return token.kind === "keyword" && CLAUSES.test(token.text) && !JOIN_PREFIX.test(previousWord);
}
