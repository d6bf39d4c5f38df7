"""The files by which the daemon is a service of this machine, or of this user: `aliquot setup`."""
