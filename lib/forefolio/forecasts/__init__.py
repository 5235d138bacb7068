"""Returns become forecasts on one schedule, and their accuracy.

Enters: simple daily returns. Leaves: one long frame of forecasts, decided before their target days. Open `registry` first.

These names mean the same in every function of the room. Importing what trains or builds networks loads Keras (seconds).

returns : DataFrame (n_days, n_assets)
    Simple daily returns, fractions; days ascend, columns are assets. `index` holds the days.
train_end, validation_end : date
    Last day of training and of validation; the test period starts after the latter.
first, last : date
    The first and the last day that count, both included.
schedule : DataFrame
    What every model must forecast: columns decision_date, target_date, horizon (trading days between; 1 is the next day),
    ordered by decision and horizon, as `schedule.forecast_schedule` returns it.
forecasts : DataFrame
    How models answer it, a row per row of the schedule and asset: its columns, asset, model, seed (0 for models without
    one) and forecast (a simple daily return, fraction).
network : Recurrent, CNN1D or JointRecurrent
    Settings, as `registry.NETWORKS` makes them; `training` is a `training.Training`.
lookback, window : int
    Days of returns that a network reads; a joint study has several windows, `lookback` among them.
windows, targets : ndarray (n_samples, lookback, n_assets), (n_samples, n_assets)
    What a network reads, the oldest day first, and what it is to forecast.
history : DataFrame
    A row per epoch of each network: model, seed, asset (one network per asset) or window (a joint one), epoch (from 1),
    loss, validation_loss (mean squared errors), kept (True on the epoch whose weights the network has in the end).
"""
