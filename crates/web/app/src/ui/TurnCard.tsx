import { memo } from "react";
import type { ChatStore } from "../store/chat";
import { duration } from "../text/format";
import { explain, explainIncomplete, type Explanation } from "../text/failure";
import { isOver, type Turn } from "../turn/model";
import { AnswerTabs } from "./AnswerTabs";
import { ChangeCard } from "./ChangeCard";
import { Info, Warning } from "./icons";
import { Steps } from "./Steps";

interface Props {
  turn: Turn;
  store: ChatStore;
  online: boolean;
}

/** One question and all of its answer. While one answer streams, the others are not drawn again. */
export const TurnCard = memo(function TurnCard({ turn, store, online }: Props) {
  return (
    <article className="turn" aria-label={turn.question} data-phase={turn.phase}>
      <p className="turn__question">{turn.question}</p>
      <div className="turn__answer">
        <Waiting turn={turn} online={online} />
        <Steps turn={turn} />
        {turn.notices.map((notice) => (
          <p key={notice.code + notice.message} className="notice">
            <Info /> <span>{notice.message}</span>
          </p>
        ))}
        <AnswerTabs turn={turn} store={store} />
        {turn.change && <ChangeCard turn={turn} change={turn.change} store={store} />}
        <Ending turn={turn} onAgain={() => store.askAgain(turn.key)} />
      </div>
    </article>
  );
});

/** Says what a question waits for before its first step. */
function Waiting({ turn, online }: { turn: Turn; online: boolean }) {
  if (isOver(turn) || turn.steps.length > 0) return null;
  return (
    <p className="waiting">
      <span className="spinner" aria-hidden="true" /> {waitingFor(turn, online)}
    </p>
  );
}

function waitingFor(turn: Turn, online: boolean): string {
  if (turn.queue) {
    const wait = turn.queue.waitMs === null ? "" : `, about ${duration(turn.queue.waitMs)}`;
    return `Waiting in line: position ${turn.queue.position}${wait}`;
  }
  if (turn.phase !== "sending") return "In the queue. It will be answered, even if you close this page.";
  return online ? "Sending…" : "Not connected. The question is sent as soon as the connection is back.";
}

function Ending({ turn, onAgain }: { turn: Turn; onAgain: () => void }) {
  if (turn.phase === "failed") {
    const error = turn.error ?? { code: "unknown", message: "" };
    return <Failed what={explain(error)} tone="bad" onAgain={onAgain} />;
  }
  if (turn.phase !== "incomplete") return null;
  const tone = turn.reason === "cancelled" ? "calm" : "bad";
  return <Failed what={explainIncomplete(turn)} tone={tone} onAgain={onAgain} />;
}

function Failed({ what, tone, onAgain }: { what: Explanation; tone: "bad" | "calm"; onAgain: () => void }) {
  return (
    <div className={`failure failure--${tone}`}>
      <Warning />
      <div>
        <strong>{what.title}</strong>
        <p>{what.message}</p>
        <button type="button" className="button button--small" onClick={onAgain}>
          Ask again
        </button>
      </div>
    </div>
  );
}
