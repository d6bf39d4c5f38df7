"""A throw-away guest VM with a stock kernel, an IOMMU and emulated cards: `make test-vm`.

Its root is this machine's own file system, read-only and with a layer of memory above it: so the
tree and its virtual environment are there as they are, and nothing that is done there stays.
"""
