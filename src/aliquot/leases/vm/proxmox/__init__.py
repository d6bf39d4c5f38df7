"""Proxmox VE, by its API: resource mappings and `hostpciN`, with an API token."""
