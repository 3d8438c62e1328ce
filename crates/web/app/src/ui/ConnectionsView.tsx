import type { ChatState, ChatStore } from "../store/chat";
import { dialectLabel } from "../text/format";
import { isOver, type Turn } from "../turn/model";
import type { Business, Connection } from "../wire";
import { Banners } from "./Banners";
import { ConnectionForm } from "./ConnectionForm";
import { Database } from "./icons";
import { StepLine } from "./Steps";

interface Props {
  store: ChatStore;
  state: ChatState;
  business: Business;
}

export function ConnectionsView({ store, state, business }: Props) {
  const mayAdd = business.role === "manager" || business.role === "admin";
  return (
    <main id="main" className="scroller" tabIndex={-1}>
      <div className="column">
        <Banners store={store} state={state} />
        <p className="quiet">
          The databases that {business.business_name} asks. Askline reads them, and changes one only where that is
          allowed and a person has approved it.
        </p>
        {!state.connections && <p className="quiet">Loading…</p>}
        {state.connections?.length === 0 && <p className="quiet">There is none yet.</p>}
        <ul className="connections">
          {state.connections?.map((one) => (
            <li key={one.id}>
              <Card one={one} test={store.testOf(one.id)} onTest={mayAdd ? () => store.testConnection(one) : null} />
            </li>
          ))}
        </ul>
        {mayAdd ? (
          <ConnectionForm store={store} />
        ) : (
          <p className="quiet">A manager of your business can add a connection.</p>
        )}
      </div>
    </main>
  );
}

interface CardProps {
  one: Connection;
  test: Turn | undefined;
  onTest: (() => void) | null;
}

function Card({ one, test, onTest }: CardProps) {
  const testing = test !== undefined && !isOver(test);
  return (
    <article className="connection" aria-label={one.name}>
      <Database />
      <div className="connection__body">
        <h2>{one.name}</h2>
        <p className="quiet">
          {dialectLabel(one.dialect)}
          {one.allows_writes && " · changes are possible, each after approval"}
        </p>
        <p className="connection__message">{testing ? "" : (test?.error?.message ?? one.status_message)}</p>
        {testing && <Progress test={test} />}
      </div>
      <div className="connection__side">
        <Badge status={testing ? "testing" : one.status} />
        {onTest && (
          <button type="button" className="button button--small" disabled={testing} onClick={onTest}>
            {one.status === "failed" ? "Try again" : "Test"}
          </button>
        )}
      </div>
    </article>
  );
}

const BADGES = { ready: "Ready!", failed: "Failed", new: "Not tested", testing: "Testing…" };

function Badge({ status }: { status: keyof typeof BADGES }) {
  return (
    <span className={`badge badge--${status}`} role="status">
      {BADGES[status]}
    </span>
  );
}

function Progress({ test }: { test: Turn }) {
  if (test.steps.length === 0) return <p className="quiet">Waiting for its turn…</p>;
  return (
    <ol className="steps__list">
      {test.steps.map((step, index) => (
        <StepLine key={index} step={step} />
      ))}
    </ol>
  );
}
