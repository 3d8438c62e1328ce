import { useRef, useState, type KeyboardEvent } from "react";
import type { ChatStore } from "../store/chat";
import { answerOf, isOver, type Turn } from "../turn/model";
import { SqlView } from "./SqlView";
import { TableView } from "./TableView";

type Tab = "answer" | "sql" | "table";

const LABELS: Record<Tab, string> = { answer: "Answer", sql: "SQL", table: "Table" };

export function AnswerTabs({ turn, store }: { turn: Turn; store: ChatStore }) {
  const [chosen, setChosen] = useState<Tab | null>(null);
  const list = useRef<HTMLDivElement>(null);
  const tabs = available(turn);
  const first = tabs[0];
  if (!first) return null;
  const tab = chosen && tabs.includes(chosen) ? chosen : first;

  function pressed(event: KeyboardEvent) {
    const target = neighbour(tabs, tab, event.key);
    if (!target) return;
    event.preventDefault();
    setChosen(target);
    list.current?.querySelector<HTMLElement>(`[data-tab="${target}"]`)?.focus();
  }

  const id = (part: string) => `${part}-${turn.key}`;
  return (
    <div className="answer">
      <div ref={list} className="tabs" role="tablist" aria-label="Answer, SQL and table" onKeyDown={pressed}>
        {tabs.map((one) => (
          <button
            key={one}
            type="button"
            role="tab"
            id={id(`tab-${one}`)}
            data-tab={one}
            className="tab"
            aria-selected={one === tab}
            aria-controls={id("panel")}
            tabIndex={one === tab ? 0 : -1}
            onClick={() => setChosen(one)}
          >
            {LABELS[one]}
          </button>
        ))}
      </div>
      <div
        id={id("panel")}
        className={`panel panel--${tab}`}
        role="tabpanel"
        aria-labelledby={id(`tab-${tab}`)}
        aria-busy={!isOver(turn)}
        tabIndex={0}
      >
        {tab === "answer" && <AnswerText turn={turn} />}
        {tab === "sql" && turn.sql && <SqlView sql={turn.sql} confidence={turn.confidence} />}
        {tab === "table" && <TableView turn={turn} store={store} />}
      </div>
    </div>
  );
}

function AnswerText({ turn }: { turn: Turn }) {
  return (
    <p className="answer__text">
      {answerOf(turn)}
      {!isOver(turn) && <span className="caret" aria-hidden="true" />}
    </p>
  );
}

function available(turn: Turn): Tab[] {
  const tabs: Tab[] = [];
  if (answerOf(turn) !== "") tabs.push("answer");
  if (turn.sql) tabs.push("sql");
  if (turn.table || turn.resultId) tabs.push("table");
  return tabs;
}

function neighbour(tabs: Tab[], tab: Tab, key: string): Tab | undefined {
  const at = tabs.indexOf(tab);
  if (key === "ArrowRight") return tabs[(at + 1) % tabs.length];
  if (key === "ArrowLeft") return tabs.at(at - 1);
  if (key === "Home") return tabs[0];
  return key === "End" ? tabs.at(-1) : undefined;
}
