"""What a job is planned from: the profile, the data set and the finished records, and the settings and rates that arms share."""

from dataclasses import replace
from typing import NamedTuple

from seglib.records import Record
from seglib.study.job import Job
from seglib.study.profiles import ARCHITECTURE_RATES, Profile
from seglib.study.rates import settled
from seglib.study.rates import tuned as _sweep_of
from seglib.training import TrainConfig


class Scope(NamedTuple):
    """A profile on one data set with the finished records, and how its runs are made."""

    profile: Profile
    dataset: str
    records: dict[str, Record]

    def base(self, **settings) -> TrainConfig:
        train, val, test = self.profile.limits[self.dataset]
        fixed = {"dataset": self.dataset, "train_limit": train, "val_limit": val, "test_limit": test, **self.profile.common}
        return TrainConfig(**{**fixed, **settings})

    def model(self, model: str, **settings) -> TrainConfig:
        """A run of the architecture comparison."""
        fixed = {"model": model, "size": self.profile.size[self.dataset], "images": self.profile.images}
        return self.base(**fixed | self.profile.options[model] | settings)

    def small(self, **settings) -> TrainConfig:
        """A run of the experiments with many runs: the narrow U-Net on small pictures."""
        fixed = {"width": self.profile.unet_width, "size": self.profile.small_size[self.dataset], "images": self.profile.ablation_images}
        return self.base(**{"model": "unet"} | fixed | settings)

    def tuned(self, config: TrainConfig, key: str) -> tuple[list[TrainConfig], float | None]:
        return _sweep_of(self.profile, self.records, config, key)

    def arm(self, experiment, comparison, arm, stage, config, rate, seeds=None, waits="a learning rate sweep"):
        """One job per seed; without a rate they wait, with the default rate standing in."""
        config, waits = (replace(config, lr=rate), "") if rate else (config, waits)
        chosen = self.profile.seeds if seeds is None else seeds
        return [Job(experiment, comparison, arm, stage, "run", replace(config, seed=seed), self.dataset, waits) for seed in chosen]

    def weights(self, job: Job) -> str:
        """What scoring the weights of `job` waits for; "" when they are there."""
        return job.waits or ("" if job.name in self.records else f"the run {job.name} on {job.target}")

    def sweep(self, experiment, arm, stage, runs):
        return [Job(experiment, "sweep-" + arm, arm, stage, "sweep", config, self.dataset) for config in runs]

    def model_rate(self, model: str) -> tuple[list[TrainConfig], float | None]:
        if self.profile.sweep_architectures:
            return self.tuned(self.model(model), model)
        return [], ARCHITECTURE_RATES.get(self.dataset, ARCHITECTURE_RATES["streets"])[model]

    def small_rate(self) -> float | None:
        """The rate of the small U-Net with cross-entropy: that of Figure 6."""
        config = self.small(loss="cross_entropy", images=self.profile.loss_images)
        return settled(self.profile, self.records, config, "cross_entropy")[1]
