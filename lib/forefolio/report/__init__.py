"""Frames become figures and sentences.

Enters: what the other rooms computed. Leaves: plotly figures and Markdown; nothing is computed here that a table holds.
Open `style` first.

A function that draws returns a plotly figure with its size set; the caller shows and saves it. One of `sentences`
returns Markdown. Figures and words follow from the frames alone, so that another params file cannot make them lie.

Frames
------
prices, returns : a row per day, a column per asset; adjusted closes without gaps, simple daily returns (fractions)
net_returns : a row per day, a column per strategy and one for the `benchmark`; daily fractions, net of costs
periods : columns period, first, last (dates, also as text); a row per period
forecasts : columns target_date, horizon, asset, model, seed, forecast (simple daily return)
history : columns model, seed, epoch (1, 2, ...), loss, validation_loss, kept (True where the weights were kept), and
    asset, or window (days) where one network forecasts all assets
weights : columns rebalance_date, strategy, asset, weight (fractions that sum to 1)
monthly_excess : a row per month, a column per strategy; its compounded month minus the benchmark's, fractions
performance, tests, twins : as `metrics.performance_table`, `evidence.monthly_tests`, `evidence.against_twins` give them
results, parameters : of `trials.Sweep`; the parameters are those that vary
metric : what is drawn or told of them, a name of `vocabulary.METRICS`
sample : the text that says which days a figure describes (`f"test, {style.span(net_returns)}"`)
"""
