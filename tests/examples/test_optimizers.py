"""The quadratic laboratory: theory predicts what the optimizers do, for any spectrum. And the gallery of paths."""

import sys
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import minigrad as mg
from minigrad import optim

sys.path.append(str(Path(__file__).parents[2] / "examples" / "optimizers"))  # at the end: it hides nobody's modules

import drawing
import gallery
import laboratory
import quadratic as lab
import remarks
from PIL import Image
from surfaces import SURFACES

ROWS = {row.name: row for rows in gallery.FAMILIES.values() for row in rows}
NOISELESS = [surface for surface in SURFACES if not surface.noise]

spectra = st.lists(st.floats(1e-2, 1e2), min_size=2, max_size=6).map(np.array)
seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=15)


@few
@given(spectra, seeds, st.floats(0.01, 1.3))
def test_each_direction_contracts_by_one_minus_rate_times_eigenvalue(spectrum, seed, share):
    lr = share * lab.predicted_critical_rate(spectrum)
    measured = lab.measured_contraction(lab.Quadratic(spectrum, seed), lr)
    np.testing.assert_allclose(measured, lab.predicted_contraction(spectrum, lr), rtol=0, atol=1e-10)


@few
@given(spectra, seeds)
def test_descent_diverges_beyond_the_critical_rate_and_not_before(spectrum, seed):
    problem, critical = lab.Quadratic(spectrum, seed), lab.predicted_critical_rate(spectrum)
    assert not lab.grows(problem, (1 - 1e-3) * critical)
    assert lab.grows(problem, (1 + 1e-3) * critical)


@few
@given(spectra, seeds)
def test_at_the_critical_rate_the_steepest_direction_turns_and_keeps_its_length(spectrum, seed):
    lr = lab.predicted_critical_rate(spectrum)
    steepest = lab.Quadratic(spectrum, seed).descend(lambda p: optim.SGD(p, lr), 50)[:, np.argmax(spectrum)]
    np.testing.assert_allclose(steepest, (-1.0) ** np.arange(51), rtol=0, atol=1e-10)


def test_the_critical_rate_is_found_by_bisection_and_by_the_curvature():
    problem = lab.Quadratic([0.3, 2.0, 8.0], seed=1)
    assert lab.measured_critical_rate(problem, 0.1, 0.4) == pytest.approx(0.25, rel=1e-3)
    x = problem.start()
    hessian = mg.curvature.Hessian(lambda: problem.loss(x), [x])
    assert mg.curvature.critical_rate(hessian) == pytest.approx(0.25, rel=1e-6)


def test_a_bisection_needs_a_rate_on_each_side():
    with pytest.raises(ValueError, match=r"diverge at 0\.2"):
        lab.measured_critical_rate(lab.Quadratic([8.0, 1.0]), 0.1, 0.2)


@few
@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=4).map(np.array), st.floats(0, 0.99))
def test_momentum_reaches_its_terminal_velocity(gradient, momentum):
    lr, steps = 0.1, 40
    measured = lab.measured_velocity(gradient, lr, momentum, steps)
    scale = 1e-9 * (1 + np.abs(gradient).max())
    np.testing.assert_allclose(measured, lab.predicted_velocity(gradient, lr, momentum, steps), rtol=0, atol=scale)
    if momentum < 0.5:  # by then the rest, momentum^40, is below the tolerance
        np.testing.assert_allclose(measured[-1], -lr / (1 - momentum) * gradient, rtol=0, atol=scale)


@few
@given(st.floats(2.0, 200.0), st.floats(1e-2, 1e2), st.integers(2, 6), seeds)
def test_the_condition_number_sets_the_number_of_steps(condition, scale, size, seed):
    spectrum = scale * np.geomspace(1, condition, size)
    problem = lab.Quadratic(spectrum, seed)
    steps = {}
    for root, best in ((False, lab.best_descent), (True, lab.best_heavy_ball)):
        steps[root] = lab.predicted_steps(condition, 1e-3, root)
        assert abs(lab.measured_steps(problem, 1e-3, steps[root] + 5, **best(spectrum)) - steps[root]) <= 1
    # What the exact counts stand for: proportional to the condition number, for the heavy ball to its root.
    assert steps[False] == pytest.approx(condition / 2 * np.log(1e3), rel=0.1, abs=1)
    assert 1 < steps[True] / (np.sqrt(condition) / 2 * np.log(1e3)) < 2


def test_no_rate_of_descent_beats_the_best_one():
    spectrum = np.array([1.0, 5.0, 30.0])
    best = lab.best_descent(spectrum)["lr"]
    needed = [lab.measured_steps(lab.Quadratic(spectrum), 1e-3, 400, lr=factor * best) for factor in (0.9, 1, 1.02)]
    assert needed[1] < min(needed[0], needed[2])


@few
@given(st.floats(1e-6, 1e6), st.sampled_from([1, -1]), st.floats(0.1, 0.95), st.floats(0.96, 0.999))
def test_the_correction_makes_adams_first_steps_as_long_as_all_others(size, sign, beta1, beta2):
    for corrected in (True, False):
        measured = lab.measured_adam_steps(sign * size, (beta1, beta2), 20, corrected)
        predicted = lab.predicted_adam_steps((beta1, beta2), 20, corrected)
        np.testing.assert_allclose(measured, predicted, rtol=1e-9)
    assert lab.predicted_adam_steps((0.9, 0.999), 1, corrected=False) == pytest.approx(np.sqrt(10))


@settings(max_examples=8)
@given(st.lists(st.floats(0.4, 1.6), min_size=1, max_size=3).map(np.array), seeds)
def test_the_variance_of_descent_falls_as_one_over_the_batch_size(spectrum, seed):
    # 400 runs of 60 steps give an estimate with a standard deviation below 2 %, at rates that forget fast enough.
    for size in (1, 4, 16):
        measured = lab.measured_variance(spectrum, 1.0, size, seed=seed)
        np.testing.assert_allclose(measured, lab.predicted_variance(spectrum, 1.0, size), rtol=0.12)


def test_every_prediction_has_a_panel_that_says_what_was_measured(tmp_path):
    figure, captions = laboratory.draw()
    assert len(captions) == 6
    for text in captions:
        assert text.startswith("Theory: ")
        assert "\nMeasured" in text
    drawing.save(figure, tmp_path / "figure.png", dpi=20)
    with Image.open(tmp_path / "figure.png") as image:
        assert image.size == (312, 200)


# ---- the gallery


def test_every_optimizer_is_in_the_gallery():
    kinds = {x for x in vars(optim).values() if isinstance(x, type) and issubclass(x, optim.Optimizer)}
    shown = {type(row.make([mg.nn.Parameter(np.ones((1, 2)))], row.lr)) for row in ROWS.values()}
    assert shown == kinds - {optim.Optimizer}


@pytest.mark.parametrize("surface", SURFACES, ids=lambda s: s.title)
def test_a_surface_is_lowest_at_its_minima_and_has_a_curvature_of_about_one_at_the_start(surface):
    x, y = np.meshgrid(np.linspace(*surface.view[:2], 101), np.linspace(*surface.view[2:], 101))
    bottom = {float(surface.height(*minimum)) for minimum in surface.minima}
    assert len(bottom) == 1
    assert bottom.pop() <= surface.height(x, y).min()
    p = mg.tensor([surface.start], dtype=mg.float64)
    hessian = mg.hessian(lambda p: 0.5 * mg.sum(surface.residuals_at(p, np.zeros(2)) ** 2))(p).numpy().reshape(2, 2)
    assert np.abs(np.linalg.eigvalsh(hessian)).max() < 2


@pytest.mark.parametrize("name", ROWS)
def test_every_optimizer_goes_down_on_every_surface(name):
    for surface in SURFACES:
        points = gallery.trajectory(ROWS[name], surface, steps=40)
        assert points.shape == (41, 2)
        heights = surface.height(*points.T)
        share = 0.5 if surface.noise else 0.95
        assert heights[-5:].mean() < share * heights[0], surface.title


@pytest.mark.parametrize("surface", NOISELESS, ids=lambda s: s.title)
@pytest.mark.parametrize("name", ["NewtonCG", "GaussNewton", "LM, by damping"])
def test_methods_that_know_the_curvature_arrive(name, surface):
    end = gallery.trajectory(ROWS[name], surface, steps=40)[-1]
    assert min(np.linalg.norm(end - minimum) for minimum in surface.minima) < 1e-6


@pytest.mark.parametrize("surface", SURFACES, ids=lambda s: s.title)
def test_the_captions_of_the_gallery_hold(surface):
    row = remarks.REMARKS[surface.title]
    paths = {(name, surface.title): gallery.trajectory(ROWS[name], surface) for name in ("SGD", "Adam")}
    assert row.measured(paths) == pytest.approx(row.predicted(gallery.RATES), rel=row.tolerance)


def test_the_figure_and_the_animation_are_drawn(tmp_path):
    paths = gallery.trajectories(steps=30)
    gallery.animate(tmp_path / "paths.gif", paths, every=20)
    with Image.open(tmp_path / "paths.gif") as animation:
        assert animation.n_frames == 2
