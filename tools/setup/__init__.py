"""Makes a clone ready to use: what `make setup`, `make test` and `make demo` run first.

Runs on a bare Python 3.11 (standard library only), as root or as an ordinary user.
"""
