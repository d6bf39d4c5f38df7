"""Colours that people tell apart who see colours differently, after Okabe and Ito (2008).

None of them says anything that a word or a character doesn't say as well: without colour, and on
terminals of sixteen, all can be read.
"""

from __future__ import annotations

HAVING = "#56b4e9"  # sky blue: what is had or used
WAITING = "#e69f00"  # orange
BAD = "bold #d55e00"  # vermillion: a promise missed, a device lost
GOOD = "#009e73"  # bluish green
QUIET = "dim"
HEADING = "bold"
CHOSEN = "reverse"

STATES = {
    "leased": GOOD,
    "ready": "",
    "pending": WAITING,
    "starting": WAITING,
    "suspended": HAVING,
    "failed": BAD,
    "lost": BAD,
}
