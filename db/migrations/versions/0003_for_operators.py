"""What operators look at: minutes of the node, each call's steps and course, and what operators did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
_COUNTS = ("packets_in", "packets_out", "bytes_in", "bytes_out")
_MOST = ("online", "waiting", "calls_direct", "calls_relay", "calls_connecting", "legs")


def upgrade() -> None:
    """New tables, and one nullable column, so that no row is rewritten."""
    op.add_column("matches", sa.Column("events", sa.JSON(none_as_null=True), nullable=True))
    op.create_table(
        "minutes",
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("stress", sa.Double(), nullable=False),
        sa.Column("stress_max", sa.Double(), nullable=False),
        sa.Column("level", sa.String(8), nullable=False),
        sa.Column("cpu", sa.Double(), nullable=False),
        sa.Column("lag_ms", sa.Double(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _COUNTS),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _MOST),
        sa.Column("matches", sa.Integer(), nullable=False),
        sa.Column("connected", sa.JSON(), nullable=False),
        sa.Column("ends", sa.JSON(), nullable=False),
        sa.Column("troubles", sa.JSON(), nullable=False),
        sa.Column("drops", sa.JSON(), nullable=False),
        sa.Column("connect_ms", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("at", name="pk_minutes"),
    )
    op.create_table(
        "call_samples",
        sa.Column("match_id", sa.String(64), nullable=False),
        sa.Column("ended_at", MOMENT, nullable=False),
        sa.Column("samples", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("match_id", name="pk_call_samples"),
    )
    op.create_index("ix_call_samples_ended_at", "call_samples", ["ended_at"])
    op.create_table(
        "operator_actions",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("operator_id", sa.String(64), nullable=False),
        sa.Column("operator_name", sa.String(64), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("target", sa.String(64), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("after", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_operator_actions"),
    )
    op.create_index("ix_operator_actions_at", "operator_actions", ["at"])


def downgrade() -> None:
    """Remove them."""
    for table in ("operator_actions", "call_samples", "minutes"):
        op.drop_table(table)
    op.drop_column("matches", "events")
