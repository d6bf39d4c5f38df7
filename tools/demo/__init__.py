"""`make demo`: two real programs share one device, a third asks for too much memory.

__main__.py   the course of it
jobs.py       a program that runs: natively or on a vGPU, how far it is, how it ended
watching.py   what the device host says of the three vGPUs
screen.py     the live table, and plain lines where there is no terminal
verdict.py    results and times against native
"""
