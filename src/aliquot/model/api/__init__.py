"""What the REST API tells and takes: structs of msgspec, for daemon, client and OpenAPI alike.

Memory is in bytes, shares in percent of one device, times in milliseconds since 1970 (UTC).
Fields that come later get a default, so that older clients and daemons understand each other.
"""
