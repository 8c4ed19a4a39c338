"""The study of the report: its experiments by profile, what is finished, what is missing, and making it.

`plan` and `waiting` are pure functions of the finished records; `run` trains what is missing; `records` and `groups` hand finished
runs to notebooks and tables; `publish` copies them to report/results.
"""

from seglib.study.job import Job
from seglib.study.plans import jobs, plan, waiting
from seglib.study.profiles import ARCHITECTURE_RATES, DATASETS, EXPERIMENTS, FIGURE_6, MODELS, PROFILES, Profile, profile
from seglib.study.runs import pending, run, status
from seglib.study.store import RESULTS, complete, finished, folder, groups, index, origin, publish, records

__all__ = [
    "ARCHITECTURE_RATES", "DATASETS", "EXPERIMENTS", "FIGURE_6", "MODELS", "PROFILES", "RESULTS", "Job", "Profile", "complete",
    "finished", "folder", "groups", "index", "jobs", "origin", "pending", "plan", "profile", "publish", "records", "run", "status",
    "waiting",
]  # fmt: skip
