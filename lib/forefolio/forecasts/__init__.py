"""Returns become forecasts on one schedule, and their accuracy.

Enters: simple daily returns. Leaves: one long frame of forecasts, decided before their target days. Open `registry` first.

These names have the same meaning in every function of the room. Modules that build or train networks import Keras,
which takes seconds.

returns : DataFrame (n_days, n_assets)
    Simple daily returns, fractions; days ascend, columns are assets. `index` holds the days.
train_end, validation_end : date
    Last day of training and last day of validation; the test period starts after the second.
first, last : date
    The first and the last day to use, both included.
schedule : DataFrame
    What every model must forecast: columns decision_date, target_date, horizon (trading days between; 1 is the next day),
    ordered by decision and horizon, as `schedule.forecast_schedule` returns it.
forecasts : DataFrame
    The forecasts of the models, one row per asset and row of the schedule: the columns of the schedule, asset, model,
    seed (0 for models without one) and forecast (a simple daily return, as a fraction).
network : Recurrent, CNN1D or JointRecurrent
    The network's settings, from `registry.NETWORKS`; `training` is a `training.Training`.
lookback, window : int
    Days of returns that a network reads; a joint study has several windows, one of which is `lookback`.
windows, targets : ndarray (n_samples, lookback, n_assets), (n_samples, n_assets)
    Inputs of a network, oldest day first, and the values that it should forecast.
history : DataFrame
    One row per epoch of each network: model, seed, asset (one network per asset) or window (a joint one), epoch (from
    1), loss, validation_loss (mean squared errors), kept (True for the epoch whose weights the network keeps).
"""
