"""`aliquot bench daemon`: what the control plane costs, measured on daemons of its own."""
