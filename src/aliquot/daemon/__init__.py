"""The service: owns devices, vGPUs and leases. The faces (api, cli, tui) ask; it decides."""
