"""Route changes, troubles and the direct route's numbers in a match's row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COLUMNS = ("route_changes", "troubles", "direct_stats")


def upgrade() -> None:
    """Nullable, so that no row is rewritten; matches that ended before have none."""
    for name in COLUMNS:
        op.add_column("matches", sa.Column(name, sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    """Drop them."""
    for name in COLUMNS:
        op.drop_column("matches", name)
