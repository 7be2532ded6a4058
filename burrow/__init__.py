"""The composition root: command line, configuration, start and stop. Nothing imports it."""
