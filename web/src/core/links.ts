/** A piece of a chat line: plain text, or something that names a place on the web. */
export type Piece = { readonly kind: "text"; readonly text: string } | { readonly kind: "link"; readonly text: string; readonly url: URL };

const CANDIDATE = /\b(?:https?:\/\/|www\.)[^\s<>"']+/giu;
/** What ends a sentence rather than an address. */
const TRAILING = /[.,;:!?)\]}»”’…]+$/u;

function asUrl(text: string): URL | null {
  try {
    const url = new URL(/^www\./iu.test(text) ? `https://${text}` : text);
    return (url.protocol === "http:" || url.protocol === "https:") && url.hostname.includes(".") ? url : null;
  } catch {
    return null;
  }
}

/** Splits a chat line so that addresses can be shown as text that warns before it opens. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let end = 0;
  for (const hit of text.matchAll(CANDIDATE)) {
    const address = hit[0].replace(TRAILING, "");
    const url = asUrl(address);
    if (url === null) continue;
    if (hit.index > end) found.push({ kind: "text", text: text.slice(end, hit.index) });
    found.push({ kind: "link", text: address, url });
    end = hit.index + address.length;
  }
  if (end < text.length) found.push({ kind: "text", text: text.slice(end) });
  return found;
}
