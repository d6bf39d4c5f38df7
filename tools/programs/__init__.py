"""Real programs that we did not write: where they come from, how they run, what is compared.

Three consumers share one description of each program (a *case*): the system tests (results equal
to native), the performance test (time against native) and `make demo`. Nothing of these programs
lies in the project: `fetch` gets them from PyPI and Debian into `build/programs`.

    fetch.py     gets the programs: a virtual environment of theirs, one source archive, Debian's
    drivers.py   the OpenCL drivers of this machine, and a program's view of exactly one of them
    case.py      what a case is
    running.py   runs a case natively or on a vGPU, and takes its time
    cases/       one file a program
    scripts/     the few lines that make a library do something: train a net, transform an image
"""
