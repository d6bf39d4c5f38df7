"""The reason of a vGPU as lines of the catalogue, so that it can be told in any language."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Of the reasons that are there only the English sentence is known."""
    column = sa.Column("reason_lines", sa.Text(), nullable=False, server_default="")
    op.add_column("vgpus", column)
