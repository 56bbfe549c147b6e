"""`--tensorboard`: what a run says and what its net gets wrong, in files that TensorBoard opens while it trains.

The records lie in the run's folder, so that `tensorboard --logdir runs` shows every run by its name; no server is
needed here. `telling` is imported with the flag alone: it takes a third of a second.
"""
