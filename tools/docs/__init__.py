"""Draws the pictures in docs/ and checks what the documents claim about files and tests."""
