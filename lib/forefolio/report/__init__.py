"""Frames become figures and sentences.

Enters: what the other rooms computed. Leaves: plotly figures and Markdown; nothing is computed here that a table holds.
Open `style` first.
"""
