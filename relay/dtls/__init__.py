"""DTLS-SRTP key agreement (RFC 5763, 5764) by aiortc."""
