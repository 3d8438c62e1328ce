import { useState } from "react";
import { count, duration, stepLabel } from "../text/format";
import { durationOf, isOver, tokensOf, type Step, type Turn } from "../turn/model";
import { Check, Chevron } from "./icons";
import { useNow } from "./LinkStatus";

/** What was done for the question: open while it runs, folded afterwards, unless the reader chose otherwise. */
export function Steps({ turn }: { turn: Turn }) {
  const [chosen, setChosen] = useState<boolean | null>(null);
  if (turn.steps.length === 0) return null;
  const open = chosen ?? !isOver(turn);
  const id = `steps-${turn.key}`;
  return (
    <div className="steps">
      <button
        type="button"
        className="steps__summary"
        aria-expanded={open}
        aria-controls={id}
        onClick={() => setChosen(!open)}
      >
        <Chevron />
        <span>{summary(turn)}</span>
      </button>
      <ol id={id} className="steps__list" hidden={!open}>
        {turn.steps.map((step, index) => (
          <StepLine key={index} step={step} />
        ))}
        {turn.rejections.map((rejection, index) => (
          <li key={`rejection-${index}`} className="step step--note">
            <span className="step__label">
              A statement was refused
              <span className="step__detail">{rejection.message}</span>
            </span>
            {rejection.sql && <code className="step__sql">{rejection.sql}</code>}
          </li>
        ))}
      </ol>
    </div>
  );
}

export function StepLine({ step }: { step: Step }) {
  return (
    <li className={`step step--${step.state}`}>
      <span className="step__sign" aria-hidden="true">
        {step.state === "running" ? <span className="spinner" /> : step.state === "done" ? <Check /> : "–"}
      </span>
      <span className="step__label">
        {stepLabel(step.name)}
        {step.attempt > 1 && <em className="step__attempt">attempt {step.attempt}</em>}
        {step.detail && <span className="step__detail">{step.detail}</span>}
      </span>
      <span className="step__cost">{step.state === "running" ? <Elapsed sinceMs={step.startedMs} /> : cost(step)}</span>
    </li>
  );
}

function cost(step: Step): string {
  const time = step.durationMs === null ? "not finished" : duration(step.durationMs);
  return step.tokens > 0 ? `${time} · ${count(step.tokens, "token")}` : time;
}

function Elapsed({ sinceMs }: { sinceMs: number }) {
  return <span aria-hidden="true">{duration(Math.max(0, useNow(100) - sinceMs))}</span>;
}

function summary(turn: Turn): string {
  const running = turn.steps.findLast((step) => step.state === "running");
  if (running) return `${stepLabel(running.name)}…`;
  if (!isOver(turn)) return "Working…";
  const parts = [count(turn.steps.length, "step"), duration(durationOf(turn))];
  const tokens = tokensOf(turn);
  return [...parts, tokens > 0 ? count(tokens, "token") : "no tokens"].join(" · ");
}
