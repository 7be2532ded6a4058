"""The live part's shell: one WebSocket a user, one task around the core. Only here a clock is read."""
