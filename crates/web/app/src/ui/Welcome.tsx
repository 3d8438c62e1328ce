import type { ChatState } from "../store/chat";
import type { Business } from "../wire";
import { CONNECTIONS } from "./route";

interface Props {
  state: ChatState;
  business: Business;
  onAsk: ((question: string) => void) | null;
}

export function Welcome({ state, business, onAsk }: Props) {
  const connection = state.connections?.find((one) => one.id === state.connection);
  if (state.connections && !connection) return <NoConnection state={state} business={business} />;
  return (
    <section className="welcome">
      <h2>What would you like to know?</h2>
      <p className="quiet">
        {connection
          ? `Ask ${connection.name} in your own words. You will see the SQL that was run, and the rows.`
          : "Loading your connections…"}
      </p>
      {onAsk && state.suggestions.length > 0 && (
        <section aria-label="Suggested questions">
          <Chips questions={state.suggestions} onAsk={onAsk} />
        </section>
      )}
    </section>
  );
}

function NoConnection({ state, business }: { state: ChatState; business: Business }) {
  const some = (state.connections ?? []).length > 0;
  const mayAdd = business.role === "manager" || business.role === "admin";
  return (
    <section className="welcome">
      <h2>{some ? "No connection is ready yet" : "Connect a database first"}</h2>
      <p className="quiet">
        {some
          ? "A connection must pass its test before you can ask it anything. See under Connections what is missing."
          : mayAdd
            ? "Askline answers from your own data. Add a SQLite, PostgreSQL or MySQL database; it is only ever read."
            : "Askline answers from your own data. Ask a manager of your business to add a database."}
      </p>
      <a className="button button--primary" href={CONNECTIONS}>
        {some || !mayAdd ? "See the connections" : "Add a connection"}
      </a>
    </section>
  );
}

export function Chips({ questions, onAsk }: { questions: string[]; onAsk: (question: string) => void }) {
  return (
    <ul className="chips">
      {questions.map((question) => (
        <li key={question}>
          <button type="button" className="chip" onClick={() => onAsk(question)}>
            {question}
          </button>
        </li>
      ))}
    </ul>
  );
}
