"""By which token a token was made, so that it ends with that one."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Of the tokens that are there nobody knows."""
    op.add_column("tokens", sa.Column("maker", sa.Text(), nullable=True))
    op.create_index("ix_tokens_maker", "tokens", ["maker"])
