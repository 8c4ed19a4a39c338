"""Training: `train(TrainConfig(...), folder=...)` -> records.Record. The loop itself is loop.fit."""

from seglib.evaluation import normalise
from seglib.training.config import TrainConfig, add_arguments, config_from, from_dict, resolve, run_name, to_dict
from seglib.training.interrupt import Stopped
from seglib.training.loop import NonFinite
from seglib.training.runs import finished, load_file, load_model, train

__all__ = ["NonFinite", "Stopped", "TrainConfig", "add_arguments", "config_from", "finished", "from_dict", "load_file", "load_model",
           "normalise", "resolve", "run_name", "to_dict", "train"]  # fmt: skip
