import { useEffect, useState } from "react";

export type Route = { page: "new" } | { page: "conversation"; id: string } | { page: "connections" };

export const NEW = "#/";
export const CONNECTIONS = "#/connections";

export function conversationPath(id: string): string {
  return `#/c/${encodeURIComponent(id)}`;
}

export function parseRoute(hash: string): Route {
  if (hash === CONNECTIONS) return { page: "connections" };
  const id = hash.startsWith("#/c/") ? hash.slice("#/c/".length) : "";
  return id ? { page: "conversation", id: decode(id) } : { page: "new" };
}

function decode(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

export function currentRoute(): Route {
  return parseRoute(location.hash);
}

export function conversationIn(route: Route): string | null {
  return route.page === "conversation" ? route.id : null;
}

/** The route in the address, and a way to change it without a step in the history. */
export function useRoute(): [Route, (hash: string) => void] {
  const [route, setRoute] = useState(currentRoute);
  useEffect(() => {
    const changed = () => setRoute(currentRoute());
    window.addEventListener("hashchange", changed);
    return () => window.removeEventListener("hashchange", changed);
  }, []);
  const replace = (hash: string) => {
    history.replaceState(null, "", hash);
    setRoute(currentRoute());
  };
  return [route, replace];
}
