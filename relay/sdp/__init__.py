"""The relay's offers and what may be answered to them (RFC 8829)."""
