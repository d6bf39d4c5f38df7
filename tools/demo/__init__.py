"""`make demo`: two real programs share one device, a third asks for too much memory; then shares.

__main__.py   the course of it
jobs.py       a program that runs: natively or on a vGPU, how far it is, how it ended
watching.py   what the device host says of the three vGPUs
screen.py     what is drawn live, and plain lines where there is no terminal
programs.py   the live table of the programs
verdict.py    results and times against native
shares.py     three tenants with guarantees of device time, drawn live
received.py   what each was promised, and received
"""
