"""Print docs/errors.md."""

from aliquot.errors.catalogue import documentation

print(documentation(), end="")
