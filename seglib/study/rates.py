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
    short = replace(config, images=profile.sweep_images, final="none")
    sweep, best = _followed(profile, records, short, list(_rates(profile, key)))
    if best is None:
        return sweep, None
    return _in_full(profile, records, config, sweep, best)


def _followed(
    profile: Profile, records: dict[str, Record], config: TrainConfig, rates: list[float]
) -> tuple[list[TrainConfig], float | None]:
    """`config` at these rates with seed 0, and at the next of the ladder while the best on val is the first or the last, at most
    `more_rates`: the runs, and the best rate; None while a run is missing. Ties go to the smaller rate."""
    most = len(rates) + profile.more_rates
    while True:
        sweep = [replace(config, lr=lr, seed=0) for lr in rates]
        if not (order := _by_val(records, sweep)):
            return sweep, None
        beyond = _beyond(rates, rates.index(order[0].lr))
        if not beyond or len(rates) == most:
            return sweep, order[0].lr
        rates = sorted([*rates, beyond])


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


def settled(profile: Profile, records: dict[str, Record], config: TrainConfig, key: str) -> tuple[list[TrainConfig], float | None]:
    """As `tuned`, then with several seeds where the profile has `settling_seeds`: one seed may pick a rate that fails with the next.

    The winner's neighbours on the ladder are trained as `config` says with seed 0; of these three the two best on val run with
    `settling_seeds` seeds each, and the larger mean on val wins. While the winner is the smallest or the largest rate that was trained
    in full, the next one on that side joins with as many seeds, at most `more_rates`. Ties go to the smaller rate.
    """
    sweep, rate = tuned(profile, records, config, key)
    if rate is None or not profile.settling_seeds:
        return sweep, rate
    place = LADDER.index(rate)
    beside = [replace(config, lr=lr, seed=0) for lr in LADDER[max(0, place - 1) : place + 2]]
    sweep += [run for run in beside if run not in sweep]
    if not (order := _by_val(records, beside)):
        return sweep, None
    rates = [run.lr for run in order[:2]]
    while True:
        again, best = steadiest(records, config, rates, profile.settling_seeds)
        sweep += [run for run in again if run not in sweep]
        if best is None:
            return sweep, None
        full = sorted({run.lr for run in sweep if run.images == config.images})
        beyond = _beyond(full, full.index(best))
        if not beyond or len(rates) == 2 + profile.more_rates:
            return sweep, best
        rates.append(beyond)


def steadiest(records: dict[str, Record], config: TrainConfig, rates: list[float], seeds: int) -> tuple[list[TrainConfig], float | None]:
    """`config` at each of `rates` with `seeds` seeds: the runs, and the rate with the largest mean on val; None while a run is missing.
    Ties go to the smaller rate."""
    again = {lr: [replace(config, lr=lr, seed=seed) for seed in range(seeds)] for lr in sorted(rates)}
    runs = [run for group in again.values() for run in group]
    if not _by_val(records, runs):
        return runs, None
    means = {lr: sum(records[run_name(run)].val_miou for run in group) for lr, group in again.items()}
    return runs, max(means, key=means.get)


def two_best(
    profile: Profile, records: dict[str, Record], config: TrainConfig, sweep: list[TrainConfig]
) -> tuple[list[TrainConfig], float | None]:
    """A finished `sweep` with seed 0, and its two best rates on val with `settling_seeds` seeds each: the larger mean on val wins.

    While the winner is the smallest or the largest rate that was tried, the next one on that side is tried with seed 0 and, where that
    beats the winner's, with as many seeds. Returns all runs and the winner; None while a run is missing.
    """
    rates = [run.lr for run in _by_val(records, sweep)[:2]]
    sweep = [*sweep]
    while True:
        again, best = steadiest(records, config, rates, profile.settling_seeds)
        found = sweep + [run for run in again if run not in sweep]
        if best is None:
            return found, None
        tried = sorted({run.lr for run in sweep})
        beyond = _beyond(tried, tried.index(best))
        if not beyond:
            return found, best
        sweep.append(replace(config, lr=beyond, seed=0))
        found.append(sweep[-1])
        order = _by_val(records, [replace(config, lr=best, seed=0), sweep[-1]])
        if not order:
            return found, None
        if order[0].lr == best:
            return found, best
        rates.append(beyond)


def neighbours(
    profile: Profile, records: dict[str, Record], config: TrainConfig, rate: float | None
) -> tuple[list[TrainConfig], float | None]:
    """Whether a rate found for short runs suits these longer ones: it and its neighbours on the ladder as `config` says, seed 0.

    Returns the runs and the best on val; while that is the smallest or the largest, the next one on that side joins, at most
    `more_rates`. Ties go to the smaller rate. None while a run, or `rate` itself, is missing.
    """
    if rate is None:
        return [], None
    place = LADDER.index(rate)
    return _followed(profile, records, config, list(LADDER[max(0, place - 1) : place + 2]))


def upwards(records: dict[str, Record], candidates: list[TrainConfig]) -> tuple[list[TrainConfig], float | None]:
    """Candidates in rising order of their rate, one after the other for as long as each is better on val than the one before.

    Returns the runs that this takes, and the best rate; None while a run is missing. Ties go to the smaller rate.
    """
    tried = candidates[:1]
    for candidate in candidates[1:]:
        tried = [*tried, candidate]
        if not (order := _by_val(records, tried)):
            return tried, None
        if order[0] != candidate:
            return tried, order[0].lr
    return tried, tried[-1].lr if _by_val(records, tried) else None


def preferred(records: dict[str, Record], runs: list[TrainConfig]) -> float | None:
    """The rate of the best of `runs` on val, of equal ones the first; None while one is missing."""
    return next((run.lr for run in _by_val(records, runs)), None)


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
