"""libvirt: devices in a domain's XML, live, in its configuration, or both."""
