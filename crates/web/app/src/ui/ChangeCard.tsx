import { useState } from "react";
import type { ChatStore } from "../store/chat";
import { intention, outcome } from "../turn/change";
import { isOver, type Change, type Turn } from "../turn/model";
import { Warning } from "./icons";
import { SqlView } from "./SqlView";
import { Rows } from "./TableView";

interface Props {
  turn: Turn;
  change: Change;
  store: ChatStore;
}

/** A change of data: what it would do to which rows, and who may say so: approve or decline. */
export function ChangeCard({ turn, change, store }: Props) {
  const title = intention(change);
  return (
    <section className="change" aria-label={title} data-state={change.state}>
      <h3 className="change__title">
        <Warning /> <span>{title}</span>
      </h3>
      <SqlView sql={change.sql} confidence={null} title="The statement that would run" />
      {change.preview && <Rows table={change.preview} loading={false} onLoad={null} />}
      {!change.preview && <p className="quiet">The rules of the connection do not show you these rows.</p>}
      <Outcome change={change} />
      {change.state === "pending" && isOver(turn) && <Decision turn={turn} change={change} store={store} />}
    </section>
  );
}

function Outcome({ change }: { change: Change }) {
  return (
    <p className="change__outcome" role="status">
      {outcome(change) ?? `Nothing is changed yet. It can be approved until ${until(change.expiresMs)}.`}
    </p>
  );
}

function until(ms: number): string {
  return new Date(ms).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
}

function Decision({ turn, change, store }: Props) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  async function say(word: "approve" | "decline") {
    setBusy(true);
    const failure = await store.decide(turn.key, word);
    setProblem(failure?.message ?? null);
    setBusy(false);
  }

  if (change.mayDecide === null) return null;
  if (!change.mayDecide) return <p className="quiet">A person with the right to must approve it.</p>;
  return (
    <div className="change__decision">
      <button
        type="button"
        className="button button--primary"
        disabled={busy}
        onClick={() => void say("approve")}
        aria-label={`Approve: ${intention(change)}`}
      >
        Approve
      </button>
      <button
        type="button"
        className="button"
        disabled={busy}
        onClick={() => void say("decline")}
        aria-label={`Decline: ${intention(change)}`}
      >
        Decline
      </button>
      {problem && (
        <p className="field-problem" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}
