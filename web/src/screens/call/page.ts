import { useEffect, useSyncExternalStore } from "react";
import { useClient } from "../../state/client";
import { view } from "../../state/store";

const WIDE = "(min-width: 64rem)";

/** Whether there is room for the chat beside the picture. */
export function useWide(): boolean {
  return useSyncExternalStore(
    (changed) => {
      const query = matchMedia(WIDE);
      query.addEventListener("change", changed);
      return () => query.removeEventListener("change", changed);
    },
    () => matchMedia(WIDE).matches,
  );
}

/** Esc anywhere in a call, unless something that is open takes it: once arms, twice is "next". */
export function useEscape(): void {
  const client = useClient();
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== "Escape" || event.repeat || event.isComposing || event.defaultPrevented) return;
      if (document.querySelector("dialog[open]") !== null || document.fullscreenElement !== null) return;
      client.escape(view.getState().escArmed);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [client]);
}

const GUARD = "burrow-call";

function guarded(): boolean {
  return (history.state as { guard?: string } | null)?.guard === GUARD;
}

/** The browser's back button in a talk asks first instead of ending it. */
export function useBackAsks(talking: boolean, ask: () => void): void {
  useEffect(() => {
    if (!talking) return;
    const guard = (): void => {
      if (!guarded()) history.pushState({ guard: GUARD }, "");
    };
    const onBack = (): void => {
      guard();
      ask();
    };
    guard();
    addEventListener("popstate", onBack);
    return () => removeEventListener("popstate", onBack);
    // `ask` only sets a state and is the same in effect at every render.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [talking]);
}
