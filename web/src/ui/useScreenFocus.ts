import { type RefObject, useEffect, useRef } from "react";

let first = true;

/** A new screen takes the focus, so that keyboard and screen reader go on from its beginning. */
export function useScreenFocus<T extends HTMLElement>(): RefObject<T | null> {
  const screen = useRef<T>(null);
  useEffect(() => {
    // The page's own first screen leaves the focus where the browser put it.
    if (!first) screen.current?.focus({ preventScroll: true });
    first = false;
  }, []);
  return screen;
}
