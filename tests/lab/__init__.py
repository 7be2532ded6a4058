"""A small Internet in network namespaces, and what must work in it (Linux, root)."""
