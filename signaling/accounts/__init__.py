"""Accounts: who somebody is, and how they prove it. No HTTP here, and no query."""
