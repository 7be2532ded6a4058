"""The live part without I/O and without a clock: messages, relay events and ``now`` in, effects out."""
