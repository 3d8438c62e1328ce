import type { Failure } from "../wire";
import type { Turn } from "../turn/model";

export interface Explanation {
  title: string;
  message: string;
}

const TITLES: Record<string, string> = {
  unreachable: "Askline cannot be reached",
  refused: "The question was not taken",
  queue_unavailable: "The question was not taken",
  input_too_long: "The question is too long",
  rate_limited: "Too many questions at once",
  too_many_responses: "Too many questions at once",
  deadline: "It took too long",
  deadline_exceeded: "It took too long",
  not_understood: "This question was not understood",
  no_statement: "This question was not understood",
  llm_unavailable: "The language model did not answer",
  llm_refused: "The language model did not answer",
  llm_timeout: "The language model did not answer",
  no_connection: "The database cannot be asked",
  unknown_connection: "The database cannot be asked",
  schema_unknown: "The database cannot be asked",
  no_tables: "The database cannot be asked",
};

/** A failure in plain words. The server's message says what happened and what to do; it is shown as it is. */
export function explain(failure: Failure): Explanation {
  const message = failure.message.trim() || `No reason was given (${failure.code}). Try again in a moment.`;
  return { title: TITLES[failure.code] ?? "This could not be answered", message };
}

/** Why a turn ended early. */
export function explainIncomplete(turn: Turn): Explanation {
  if (turn.reason === "cancelled") return { title: "Stopped", message: "You stopped this question." };
  if (turn.error) return explain(turn.error);
  if (turn.reason === "deadline") {
    return {
      title: "It took too long",
      message: "The time for this question ran out. Ask again, or ask for less: fewer rows or a shorter period.",
    };
  }
  return { title: "Ended early", message: "This question ended before its answer was complete. Ask it again." };
}
