from dataclasses import astuple
from itertools import combinations

import numpy as np
import pytest

from torana.engine.planes import Doubles
from torana.engine.strata import Place, shared_out


def numbers(places: tuple[Place, ...]) -> Doubles:
    return np.array([astuple(place)[:5] for place in places])


@pytest.mark.parametrize("n", [1, 2, 4, 10, 200])
def test_each_number_visits_every_part_once(n):
    for axis in numbers(shared_out(3, n)).T:
        assert sorted(int(value * n) for value in axis) == list(range(n))


@pytest.mark.parametrize("n", [1, 2, 4, 10, 200])
def test_moods_are_directions_evenly_spread(n):
    moods = np.array([place.mood for place in shared_out(3, n)])
    assert np.linalg.norm(moods, axis=1) == pytest.approx(np.ones(n))
    if n > 1:
        apart = np.linalg.norm(moods[:, None] - moods, axis=2) + 9.0 * np.eye(n)
        assert apart.min() > 2.0 / np.sqrt(n)


def test_places_are_the_seed_s():
    assert shared_out(1, 4) == shared_out(1, 4)
    assert shared_out(1, 4) != shared_out(2, 4)
    assert shared_out(1, 1)[0].mood != shared_out(2, 1)[0].mood


@pytest.mark.parametrize("seed", range(5))
def test_no_two_of_ten_are_alike_in_everything(seed):
    places = shared_out(seed, 10)
    for one, other in combinations(places, 2):
        framing = np.subtract(astuple(one)[:3], astuple(other)[:3])
        assert np.linalg.norm(framing) + np.linalg.norm(np.subtract(one.mood, other.mood)) > 0.8


def test_the_arrangement_beats_chance():
    def least(framings: Doubles, moods: Doubles) -> float:
        points = np.column_stack([framings, moods])
        return float((np.linalg.norm(points[:, None] - points, axis=2) + 9.0 * np.eye(len(points))).min())

    generator = np.random.default_rng(0)
    arranged, random = [], []
    for seed in range(20):
        places = shared_out(seed, 10)
        framings, moods = numbers(places)[:, :4], np.array([place.mood for place in places])
        arranged.append(least(framings, moods))
        random.append(least(generator.permuted(framings, axis=0), moods))
    assert np.mean(arranged) > 1.02 * np.mean(random)
