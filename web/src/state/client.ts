import { createContext, useContext } from "react";
import type { Client } from "../core/client";

/** The one client, made outside React so that no render can make another. */
export const ClientContext = createContext<Client | null>(null);

export function useClient(): Client {
  const client = useContext(ClientContext);
  if (client === null) throw new Error("no client above this component");
  return client;
}
