import { useEffect, useRef, type RefObject } from "react";
import type { ChatState, ChatStore } from "../store/chat";
import { isOver, type Turn } from "../turn/model";
import type { Business } from "../wire";
import { Announcer } from "./Announcer";
import { Banners } from "./Banners";
import { Composer } from "./Composer";
import { TurnCard } from "./TurnCard";
import { Chips, Welcome } from "./Welcome";
import { useEscape } from "./Workspace";

interface Props {
  store: ChatStore;
  state: ChatState;
  business: Business;
}

const FOLLOW_UPS = 3;

export function ConversationView({ store, state, business }: Props) {
  const turns = store.shown(state);
  const running = turns.findLast((turn) => !isOver(turn));
  const mayAsk = business.role !== "viewer";
  const scroller = useRef<HTMLElement>(null);
  useFollowEnd(scroller, turns);
  useEscape(running !== undefined, () => running && store.cancel(running.key));

  const ask = (question: string) => {
    store.ask(question);
    scroller.current?.scrollTo({ top: scroller.current.scrollHeight });
    document.getElementById("question")?.focus();
  };
  return (
    <>
      <main id="main" className="scroller" ref={scroller} tabIndex={-1}>
        <div className="column">
          <Banners store={store} state={state} />
          {state.loading && <p className="quiet">Loading the conversation…</p>}
          {!state.loading && turns.length === 0 && (
            <Welcome state={state} business={business} onAsk={mayAsk ? ask : null} />
          )}
          {turns.map((turn) => (
            <TurnCard key={turn.key} turn={turn} store={store} online={state.link.state === "online"} />
          ))}
          {mayAsk && turns.length > 0 && !running && <FollowUps state={state} turns={turns} onAsk={ask} />}
        </div>
      </main>
      <Announcer turn={turns.at(-1)} />
      <Composer store={store} state={state} running={running} mayAsk={mayAsk} onAsk={ask} />
    </>
  );
}

function FollowUps({ state, turns, onAsk }: { state: ChatState; turns: Turn[]; onAsk: (question: string) => void }) {
  const asked = new Set(turns.map((turn) => turn.question));
  const rest = state.suggestions.filter((question) => !asked.has(question)).slice(0, FOLLOW_UPS);
  if (rest.length === 0) return null;
  return (
    <section className="follow-ups" aria-label="Suggested questions">
      <Chips questions={rest} onAsk={onAsk} />
    </section>
  );
}

/** Keeps the end in view while the answer grows, unless the reader has scrolled away from it. */
function useFollowEnd(scroller: RefObject<HTMLElement | null>, turns: Turn[]): void {
  const atEnd = useRef(true);
  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const moved = () => {
      atEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < 80;
    };
    element.addEventListener("scroll", moved, { passive: true });
    return () => element.removeEventListener("scroll", moved);
  }, [scroller]);
  useEffect(() => {
    if (atEnd.current) scroller.current?.scrollTo({ top: scroller.current.scrollHeight });
  }, [scroller, turns.at(-1)]);
}
