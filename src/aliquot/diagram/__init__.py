"""The architecture picture: what stands where, and how it is drawn.

`arrange` makes the one description (aliquot.model.api.picture) of what the API tells of devices,
vGPUs and leases; `svg`, `mermaid` and `png` draw it, and the dashboard draws the same.
"""
