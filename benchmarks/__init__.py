"""How fast Forefolio is, each number as a ratio of two medians that one run measured in turns: `python -m benchmarks`."""
