"""Alembic's environment and the revisions, installed with the package."""
