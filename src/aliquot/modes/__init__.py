"""The modes in which vGPUs are made of hardware, behind one interface (aliquot.modes.interface)."""
