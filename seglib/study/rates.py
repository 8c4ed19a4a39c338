"""How a learning rate is chosen: short runs on a ladder of rates, then full ones from the best downwards, judged on val alone."""

import functools
from dataclasses import replace

from seglib.records import Record
from seglib.study.profiles import CONVNET_RATES, LADDER, RATES, Profile
from seglib.training import TrainConfig
from seglib.training import run_name as _run_name

run_name = functools.cache(_run_name)  # a plan asks for each name many times


def _rates(profile: Profile, key: str) -> tuple[float, ...]:
    return RATES.get(key, CONVNET_RATES)[: profile.rates]


def tuned(profile: Profile, records: dict[str, Record], config: TrainConfig, key: str) -> tuple[list[TrainConfig], float | None]:
    """The runs of a learning rate sweep for `config`, and the winner on val; None while a run is missing. Ties go to the smaller rate.

    Short runs first: while the best is the smallest or the largest rate tried, the next one of the ladder joins, at most `more_rates`.
    Short runs favour high rates. So the best and the rate below it are then trained as `config` says, with seed 0, and as long as the
    lower one is at least as good, the next lower one, at most `lower_rates`. The winner's run is one of the comparison's.
    """
    rates = list(_rates(profile, key))
    most = len(rates) + profile.more_rates
    while True:
        sweep = [replace(config, lr=lr, seed=0, images=profile.sweep_images, final="none") for lr in rates]
        if not (order := _by_val(records, sweep)):
            return sweep, None
        beyond = _beyond(rates, rates.index(order[0].lr))
        if not beyond or len(rates) == most:
            break
        rates = sorted([*rates, beyond])
    return _in_full(profile, records, config, sweep, order[0].lr)


def _in_full(
    profile: Profile, records: dict[str, Record], config: TrainConfig, sweep: list[TrainConfig], best: float
) -> tuple[list[TrainConfig], float | None]:
    """From the best of the short runs downwards, while val does not fall: all runs of the sweep, and the winner."""
    place = LADDER.index(best)
    lower = LADDER[max(0, place - profile.lower_rates) : place]
    if not lower:
        return sweep, best
    finals = [replace(config, lr=best, seed=0)]
    for lr in reversed(lower):
        finals.append(replace(config, lr=lr, seed=0))
        if not (order := _by_val(records, finals[::-1])):
            return sweep + finals, None
        if order[0].lr != lr:
            break
    return sweep + finals, order[0].lr


def _by_val(records: dict[str, Record], runs: list[TrainConfig]) -> list[TrainConfig]:
    """The runs, the best on val first, equal ones in their order; [] while one is missing."""
    found = [records.get(run_name(run)) for run in runs]
    if None in found:
        return []
    return [runs[i] for i in sorted(range(len(runs)), key=lambda i: -found[i].val_miou)]


def _beyond(rates: list[float], best: int) -> float | None:
    """The rate of the ladder next to the winner, where the winner has no neighbour on that side."""
    step = {0: -1, len(rates) - 1: 1}.get(best, 0)
    place = LADDER.index(rates[best]) + step
    return LADDER[place] if step and 0 <= place < len(LADDER) else None
