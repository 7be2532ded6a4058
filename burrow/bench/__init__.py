"""Benchmarks: each a function that returns a frozen result, and prints nothing."""
