"""Notebooks become recorded results.

Enters: a `Study`, the seven notebooks, and the notebook of its paper, if any. Leaves: a run folder with a manifest that
says what made each file. Open `contracts` first.
"""
