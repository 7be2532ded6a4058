import { useStore } from "zustand";
import { createStore } from "zustand/vanilla";
import { firstView, type View } from "../core/view";

/** The read model: the client publishes into it, components select from it, nobody else writes. */
export const view = createStore<View>(() => firstView);

export function publish(change: Partial<View>): void {
  view.setState(change);
}

export function useView<T>(select: (state: View) => T): T {
  return useStore(view, select);
}
