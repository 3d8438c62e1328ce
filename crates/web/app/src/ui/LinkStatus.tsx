import { useEffect, useState } from "react";
import type { Link } from "../socket/client";

export function useNow(everyMs: number, active = true): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!active) return;
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs, active]);
  return now;
}

/** Whether the page hears the server: always on show, said aloud when it changes. */
export function LinkStatus({ link, onRetry }: { link: Link; onRetry: () => void }) {
  const tone = link.state === "online" ? "good" : link.state === "connecting" ? "busy" : "bad";
  return (
    <div className={`link-status link-status--${tone}`}>
      <span className="link-status__dot" aria-hidden="true" />
      <span role="status">{label(link)}</span>
      {link.state === "waiting" && <Countdown untilMs={link.retryAtMs} />}
      {link.state === "waiting" && (
        <button type="button" className="link" onClick={onRetry}>
          Try now
        </button>
      )}
    </div>
  );
}

function label(link: Link): string {
  if (link.state === "online") return "Connected";
  if (link.state === "connecting") return "Connecting…";
  if (link.state === "waiting") return "Reconnecting";
  if (link.state === "expired") return "Signed out";
  return "Disconnected";
}

function Countdown({ untilMs }: { untilMs: number }) {
  const seconds = Math.max(0, Math.ceil((untilMs - useNow(250)) / 1_000));
  return <span aria-hidden="true">in {seconds} s</span>;
}
