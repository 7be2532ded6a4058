"""Measurements for Prometheus: counters and snapshots of the parts, read when somebody scrapes."""
