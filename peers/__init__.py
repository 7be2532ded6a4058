"""Headless peers: everything a browser can do, from Python or from a command line."""
