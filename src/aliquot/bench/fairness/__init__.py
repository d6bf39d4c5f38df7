"""Measures whether tenants get the device time that they were promised, by what they completed.

The arbiter's accounts are no evidence here: the work of a tenant is the kernels that it completed,
in seconds that they take on the device alone, and its share is its part of all tenants' work.
"""
