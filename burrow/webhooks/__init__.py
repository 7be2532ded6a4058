"""Signed HTTP calls to the operator's own services when something happens to a match."""
