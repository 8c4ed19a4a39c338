"""One run of an experiment: what the plan is made of."""

from typing import NamedTuple

from seglib.study.rates import run_name
from seglib.training import TrainConfig

LOCKED = "-locked"  # ends the name of a record on locked pictures
SCORED = {"transfer": 40, "locked": 160}  # roles of jobs that train nothing, and how many pictures about they score


class Job(NamedTuple):
    """One run of an experiment. Jobs of one `comparison` are published together, seed by seed; `arm` is the key of tables and numbers.

    stage: smaller ones run first. role: "sweep" (chooses a learning rate), "run", "part" (trains weights that another run starts
    from), "transfer" (scores the finished run `config` on `target`, nothing is trained) or "locked" (scores it on test pictures of its own
    data set that no other job looks at). waits: what has to finish first, or "".
    """

    experiment: str
    comparison: str
    arm: str
    stage: int
    role: str
    config: TrainConfig
    target: str
    waits: str = ""

    @property
    def name(self) -> str:
        """Name of the record that this job makes."""
        name = run_name(self.config)
        return name + {"transfer": f"-on-{self.target}", "locked": LOCKED}.get(self.role, "")
