"""vGPUs in virtual machines: one interface (aliquot.leases.vm.interface), one folder a hypervisor.

What is attached is hardware that a mode has handed over (aliquot.model.hardware.Attachment). A
hypervisor's answers are checked before they are used, as a tenant's bytes are: the VM's user may
have a hand in them.
"""
