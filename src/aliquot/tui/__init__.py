"""The terminal's face: `aliquot top`, live.

view.py is what is shown, sources say where it comes from, and the rest draws it with textual.
"""
