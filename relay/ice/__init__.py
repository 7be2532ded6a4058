"""ICE-lite, without I/O and without a clock (docs/packet-engine.md section 2)."""
