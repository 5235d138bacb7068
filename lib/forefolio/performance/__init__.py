"""Weights become net returns, metrics and evidence.

Enters: weights and returns. Leaves: daily net returns, a table of metrics, tests of skill and luck. Open `backtest` first.
"""
