"""RTP and RTCP of a link, without I/O and without a clock (docs/packet-engine.md, sections 5 to 7)."""
