import { stepLabel } from "../text/format";
import { explain, explainIncomplete } from "../text/failure";
import { answerOf, isOver, type Turn } from "../turn/model";

/** Says aloud what happens: each step, then the whole answer at once instead of word by word. */
export function Announcer({ turn }: { turn: Turn | undefined }) {
  return (
    <div className="visually-hidden" aria-live="polite" aria-atomic="true" data-testid="announcer">
      {turn ? news(turn) : ""}
    </div>
  );
}

function news(turn: Turn): string {
  if (!isOver(turn)) return progress(turn);
  if (turn.phase === "completed") return `Answer: ${answerOf(turn)}`;
  const { title, message } = turn.phase === "failed" && turn.error ? explain(turn.error) : explainIncomplete(turn);
  return `${title}. ${message}`;
}

function progress(turn: Turn): string {
  const step = turn.steps.findLast((one) => one.state === "running");
  if (step) return stepLabel(step.name);
  return turn.queue ? `Waiting, position ${turn.queue.position}` : "Question sent";
}
