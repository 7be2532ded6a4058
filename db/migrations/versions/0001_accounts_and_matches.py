"""Users, token families, refresh tokens, matches, blocks, reports."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "users",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("email", sa.String(254), nullable=True),
        sa.Column("password_hash", sa.String(255), nullable=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("interests", sa.JSON(), nullable=False),
        sa.Column("languages", sa.JSON(), nullable=False),
        sa.Column("terms_version", sa.String(32), nullable=False),
        sa.Column("terms_accepted_at", MOMENT, nullable=False),
        sa.Column("age_confirmed_at", MOMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("registration_attempted_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("email", name="uq_users_email"),
        sa.CheckConstraint("kind IN ('guest', 'registered')", name=op.f("ck_users_kind")),
        sa.CheckConstraint("role IN ('user', 'moderator', 'operator')", name=op.f("ck_users_role")),
        sa.CheckConstraint(
            "(kind = 'registered') = (email IS NOT NULL) AND (email IS NULL) = (password_hash IS NULL)",
            name=op.f("ck_users_registered_has_email"),
        ),
    )
    op.create_table(
        "token_families",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_token_families"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_token_families_user_id_users", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_token_families_user_id", "token_families", ["user_id"])
    op.create_index("ix_token_families_expires_at", "token_families", ["expires_at"])
    op.create_table(
        "refresh_tokens",
        sa.Column("token_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("family_id", sa.String(64), nullable=False),
        sa.Column("issued_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("token_hash", name="pk_refresh_tokens"),
        sa.ForeignKeyConstraint(
            ["family_id"],
            ["token_families.id"],
            name="fk_refresh_tokens_family_id_token_families",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_refresh_tokens_family_id", "refresh_tokens", ["family_id"])
    op.create_index("ix_refresh_tokens_expires_at", "refresh_tokens", ["expires_at"])
    op.create_table(
        "matches",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("user_a_id", sa.String(64), nullable=False),
        sa.Column("user_b_id", sa.String(64), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("end_reason", sa.String(32), nullable=True),
        sa.Column("ended_by", sa.String(8), nullable=True),
        sa.Column("routes", sa.JSON(), nullable=False),
        sa.Column("connect_ms", sa.Integer(), nullable=True),
        sa.Column("packets_a_to_b", sa.BigInteger(), nullable=False),
        sa.Column("bytes_a_to_b", sa.BigInteger(), nullable=False),
        sa.Column("lost_a_to_b", sa.BigInteger(), nullable=False),
        sa.Column("packets_b_to_a", sa.BigInteger(), nullable=False),
        sa.Column("bytes_b_to_a", sa.BigInteger(), nullable=False),
        sa.Column("lost_b_to_a", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_matches"),
        sa.ForeignKeyConstraint(["user_a_id"], ["users.id"], name="fk_matches_user_a_id_users"),
        sa.ForeignKeyConstraint(["user_b_id"], ["users.id"], name="fk_matches_user_b_id_users"),
        sa.CheckConstraint("user_a_id <> user_b_id", name=op.f("ck_matches_two_users")),
        sa.CheckConstraint("ended_by IN ('a', 'b', 'service')", name=op.f("ck_matches_ended_by")),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (end_reason IS NULL)", name=op.f("ck_matches_ended_has_reason")
        ),
    )
    op.create_index("ix_matches_user_a_id_started_at", "matches", ["user_a_id", "started_at"])
    op.create_index("ix_matches_user_b_id_started_at", "matches", ["user_b_id", "started_at"])
    op.create_index("ix_matches_started_at", "matches", ["started_at"])
    op.create_index("ix_matches_ended_at", "matches", ["ended_at"])
    op.create_table(
        "blocks",
        sa.Column("blocker_id", sa.String(64), nullable=False),
        sa.Column("blocked_id", sa.String(64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("blocker_id", "blocked_id", name="pk_blocks"),
        sa.ForeignKeyConstraint(
            ["blocker_id"], ["users.id"], name="fk_blocks_blocker_id_users", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["blocked_id"], ["users.id"], name="fk_blocks_blocked_id_users", ondelete="CASCADE"
        ),
        sa.CheckConstraint("blocker_id <> blocked_id", name=op.f("ck_blocks_two_users")),
    )
    op.create_index("ix_blocks_blocked_id", "blocks", ["blocked_id"])
    op.create_table(
        "reports",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("match_id", sa.String(64), nullable=False),
        sa.Column("reporter_id", sa.String(64), nullable=False),
        sa.Column("reported_id", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reports"),
        sa.ForeignKeyConstraint(
            ["reporter_id"], ["users.id"], name="fk_reports_reporter_id_users", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["reported_id"], ["users.id"], name="fk_reports_reported_id_users", ondelete="CASCADE"
        ),
    )
    for column in ("match_id", "reporter_id", "reported_id", "created_at"):
        op.create_index(f"ix_reports_{column}", "reports", [column])


def downgrade() -> None:
    """Remove everything."""
    for table in ("reports", "blocks", "matches", "refresh_tokens", "token_families", "users"):
        op.drop_table(table)
