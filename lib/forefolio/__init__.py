"""Forecasts to portfolios, in six rerunnable notebooks; import the module that you need from here."""
