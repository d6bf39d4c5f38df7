"""The label by which a vGPU keeps away from its like, as a column: placing looks it up."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """What each spec says."""
    op.add_column("vgpus", sa.Column("apart", sa.Text(), nullable=True))
    op.create_index("ix_vgpus_tenant_apart", "vgpus", ["tenant", "apart"])
    vgpus = sa.table("vgpus", sa.column("id"), sa.column("spec"), sa.column("apart"))
    connection = op.get_bind()
    for row in connection.execute(sa.select(vgpus.c.id, vgpus.c.spec)).all():
        apart = json.loads(row.spec).get("apart")
        if apart is not None:
            connection.execute(sa.update(vgpus).where(vgpus.c.id == row.id).values(apart=apart))
