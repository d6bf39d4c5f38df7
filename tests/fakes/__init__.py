"""Stand-ins for native programs, for tests of the command line alone."""
