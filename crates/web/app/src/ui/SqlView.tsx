import { useState } from "react";
import { laidOut } from "../text/sql";
import { Check, Copy } from "./icons";

interface Props {
  sql: string;
  confidence: number | null;
  title?: string;
}

export function SqlView({ sql, confidence, title = "The statement that was written" }: Props) {
  return (
    <div className="sql">
      <div className="sql__bar">
        <span>{confidence === null ? title : `Confidence ${Math.round(confidence * 100)} %`}</span>
        <CopyButton text={sql} />
      </div>
      <pre className="sql__text">
        <code>
          {laidOut(sql).map((token, index) => (
            <span key={index} className={`sql-${token.kind}`}>
              {token.text}
            </span>
          ))}
        </code>
      </pre>
    </div>
  );
}

function CopyButton({ text }: { text: string }) {
  const [said, setSaid] = useState("Copy");
  async function copy() {
    // Without https there is no clipboard: the text can still be selected by hand.
    const copied = await navigator.clipboard?.writeText(text).then(
      () => true,
      () => false,
    );
    setSaid(copied ? "Copied" : "Select the text to copy it");
    setTimeout(() => setSaid("Copy"), 2_000);
  }
  return (
    <button type="button" className="link sql__copy" onClick={() => void copy()}>
      {said === "Copied" ? <Check /> : <Copy />} <span aria-live="polite">{said}</span>
    </button>
  );
}
