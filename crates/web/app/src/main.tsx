import { createRoot } from "react-dom/client";
import { Session } from "./store/session";
import "./styles/base.css";
import "./styles/workspace.css";
import "./styles/turn.css";
import "./styles/connections.css";
import { App } from "./ui/App";

const root = document.getElementById("root");
if (root) createRoot(root).render(<App session={new Session()} />);
