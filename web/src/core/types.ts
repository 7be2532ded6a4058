/** The wire's unions that have no name of their own there. */
import type { Ended, Route } from "./wire";

export type EndReason = Ended["reason"];
export type By = Ended["by"];
export type RouteName = Route["route"];
export type { Queued, Route, ServerMessage, Stranger } from "./wire";
