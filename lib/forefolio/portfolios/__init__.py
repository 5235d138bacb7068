"""Forecasts and risk become weights.

Enters: returns and forecasts known at a decision date. Leaves: weights that sum to one, with a log of the solvers.
Open `decisions` first.
"""
