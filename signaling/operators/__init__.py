"""What operators see and do: a look at the node on a tick, REST, one feed, and a record of every action."""
