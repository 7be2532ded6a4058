import { useSyncExternalStore } from "react";

/** Where on the page one is, kept in the address so that it can be reloaded, shared and gone back from. */
export type Place =
  | { readonly kind: "overview" }
  | { readonly kind: "call"; readonly match: string }
  | { readonly kind: "search"; readonly query: string }
  | { readonly kind: "audit" };

export function placeOf(hash: string): Place {
  const [kind = "", ...rest] = hash.replace(/^#\/?/u, "").split("/");
  const about = decode(rest.join("/"));
  if (kind === "call" && about !== "") return { kind, match: about };
  if (kind === "search") return { kind, query: about };
  if (kind === "audit") return { kind };
  return { kind: "overview" };
}

export function addressOf(place: Place): string {
  switch (place.kind) {
    case "call":
      return `#/call/${encodeURIComponent(place.match)}`;
    case "search":
      return `#/search/${encodeURIComponent(place.query)}`;
    case "audit":
      return "#/audit";
    case "overview":
      return "#/";
  }
}

export function usePlace(): Place {
  return placeOf(useSyncExternalStore(subscribe, () => location.hash));
}

export function go(place: Place): void {
  location.hash = addressOf(place);
}

function subscribe(changed: () => void): () => void {
  addEventListener("hashchange", changed);
  return () => removeEventListener("hashchange", changed);
}

/** An address that somebody cut in the middle of a letter is still an address. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
