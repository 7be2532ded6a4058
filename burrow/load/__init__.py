"""``burrow load``: very many calls through a running service, at the cost of their packets."""
