"""The exercises: solutions pass, blanks stay blank, mistakes are named."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "examples" / "exercises"))  # at the end: it hides nobody's modules

from answers import function_in
from catalog import EXERCISES
from check import main
from grading import BLANK, HERE, RIGHT, SOLUTIONS, WRONG, grade

BY_NAME = {exercise.name: exercise for exercise in EXERCISES}
each_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=list(BY_NAME))


def graded(folder, name, body):
    """The grade of a `backward` with this body."""
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    (folder / f"{name}.py").write_text(f"import numpy as np\n\n\ndef backward(dout, cache):\n{lines}\n")
    return grade(BY_NAME[name], folder)


# ---- what is given: the values, against PyTorch


def torch_value(name, case):
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    c = {key: torch.from_numpy(x) if isinstance(x, np.ndarray) else x for key, x in case.items()}
    return {
        "affine": lambda: functional.linear(c["x"], c["w"].T, c["b"]),
        "relu": lambda: functional.relu(c["x"]),
        "softmax_cross_entropy": lambda: functional.cross_entropy(c["scores"], c["labels"]),
        # PyTorch divides by the number of classes as well.
        "hinge": lambda: functional.multi_margin_loss(c["scores"], c["labels"]) * c["scores"].shape[1],
        "batch_norm": lambda: functional.batch_norm(c["x"], None, None, c["gamma"], c["beta"], training=True),
        "layer_norm": lambda: functional.layer_norm(c["x"], c["x"].shape[1:], c["gamma"], c["beta"]),
        "conv2d": lambda: functional.conv2d(c["x"], c["w"], c["b"], c["stride"], c["pad"]),
    }[name]().numpy()


@pytest.mark.parametrize("name", [name for name in BY_NAME if name != "dropout"])
def test_forward_is_what_the_statement_says(name):
    forward = function_in(HERE / f"{name}.py", "forward")
    for title, case in BY_NAME[name].cases(np.random.default_rng(3)).items():
        np.testing.assert_allclose(forward(**case)[0], torch_value(name, case), rtol=1e-10, atol=1e-12, err_msg=title)


def test_dropout_drops_with_probability_p_and_scales_the_rest():
    forward = function_in(HERE / "dropout.py", "forward")
    x = np.full(100_000, 2.0)
    out, (keep, _, _) = forward(x, p=0.3, seed=5, train=True)
    assert set(np.unique(out)) == {0.0, 2.0 / 0.7}
    np.testing.assert_array_equal(keep, out != 0)
    assert abs(np.mean(out == 0) - 0.3) < 0.01  # seven standard deviations
    np.testing.assert_array_equal(forward(x, p=0.3, seed=5, train=True)[0], out)
    np.testing.assert_array_equal(forward(x, p=0.3, seed=5, train=False)[0], x)


# ---- right, and blank


@each_exercise
def test_the_solution_earns_all_points_for_twenty_seeds(exercise):
    for seed in range(20):
        result = grade(exercise, SOLUTIONS, seed)
        assert (result.mark, result.points) == (RIGHT, exercise.worth), result.text


@each_exercise
def test_the_stub_is_not_written_yet(exercise):
    result = grade(exercise)
    assert (result.mark, result.points, result.summary) == (BLANK, 0, "not written yet")
    assert f"{exercise.name}.py" in result.text


@each_exercise
def test_no_file_is_not_written_yet(exercise, tmp_path):
    assert grade(exercise, tmp_path).mark == BLANK


def test_kinks_are_skipped_and_counted():
    assert "skipped 3 kinks" in grade(BY_NAME["relu"], SOLUTIONS).text
    assert "kinks" in grade(BY_NAME["hinge"], SOLUTIONS).text


@each_exercise
def test_what_the_known_mistakes_give_differs_from_the_solution(exercise):
    """Otherwise a right answer could be called a mistake, or the hint could never appear."""
    rng = np.random.default_rng(11)
    forward = function_in(HERE / f"{exercise.name}.py", "forward")
    solution = runpy.run_path(str(SOLUTIONS / f"{exercise.name}.py"))
    for name, rule, hint in solution["MISTAKES"]:
        differs = []
        for case in exercise.cases(rng).values():
            out, cache = forward(**case)
            dout = np.asarray(rng.normal(size=np.shape(out)))
            answer = solution["backward"](dout, cache)
            right = dict(zip(exercise.points, answer if isinstance(answer, tuple) else (answer,)))[name]
            wrong = rule(dout, cache)
            differs.append(wrong.shape != right.shape or not np.allclose(wrong, right))
        assert any(differs), hint


# ---- wrong

AFFINE = "x, w = cache\n"
SOFTMAX = "p, labels = cache\nN = len(labels)\n"
HINGE = "margins, labels = cache\nN = len(labels)\nrows = np.arange(N)\nd = (margins > 0).astype(float)\n"
NORM = "x_hat, std, gamma = cache\nd = dout * gamma\ndgamma, dbeta = (dout * x_hat).sum(0), dout.sum(0)\n"
CONV = """
xp, w, stride, pad = cache
N, C, H, W = xp.shape
F, _, I, J = w.shape
dxp, dw, db = np.zeros(xp.shape), np.zeros(w.shape), dout.sum(axis=(0, 2, 3))
for n, f, h, v in np.ndindex(dout.shape):
    window = (n, slice(None), slice(h * stride, h * stride + I), slice(v * stride, v * stride + J))
    dxp[window] += dout[n, f, h, v] * w[f]
    dw[f] += dout[n, f, h, v] * xp[window]
dx = dxp[:, :, pad : H - pad, pad : W - pad]
"""
BY_ELEMENT = """
xp, w, stride, pad = cache
dxp, dw = np.zeros(xp.shape), np.zeros(w.shape)
for i, j in np.ndindex(w.shape[2:]):
    rows, columns = i + stride * np.arange(dout.shape[2]), j + stride * np.arange(dout.shape[3])
    met = np.ix_(range(len(xp)), range(xp.shape[1]), rows, columns)
    dxp[met] = np.tensordot(dout, w[:, :, i, j], (1, 0)).transpose(0, 3, 1, 2)
    dw[:, :, i, j] = np.tensordot(dout, xp[met], ((0, 2, 3), (0, 2, 3)))
"""
DROPOUT = "keep, p, train = cache\n"

MISTAKES = {
    # exercise: (what a student may write, points it earns, what the explanation must say)
    "affine": [
        (AFFINE + "return -dout @ w.T, x.T @ dout, dout.sum(0)", 2, "opposite sign"),
        (AFFINE + "return dout @ w.T, x.T @ dout, dout", 2, "db is not summed over the batch"),
        (AFFINE + "return dout @ w.T, dout.T @ x, dout.sum(0)", 2, "dw is transposed"),
        (AFFINE + "return dout @ w.T, x.T @ dout, dout.mean(0)", 2, "db is a mean over the batch"),
        (AFFINE + "return dout @ w.T, x.T @ dout / len(x), dout.sum(0)", 2, "a mean where the function takes a sum?"),
        (AFFINE + "return dout @ w.T, np.zeros_like(w), dout.sum(0)", 2, "all zero"),
        (AFFINE + "return dout @ w.T, None, dout.sum(0)", 2, "all zero"),
    ],
    "relu": [
        ("return dout * (cache < 0)", 0, "the mask is inverted"),
        ("return dout", 0, "there is no mask"),
        ("return np.where(dout > 0, dout, 0.0)", 0, "the mask looks at dout"),
        ("return dout * np.where(cache > 0, cache, 0.0)", 0, "dout is multiplied with out"),
        ("return np.where(cache > 0, 1.0, 0.0)", 0, "multiply it with dout"),
        ("return -dout * (cache > 0)", 0, "opposite sign"),
    ],
    "softmax_cross_entropy": [
        (SOFTMAX + "p[range(N), labels] -= 1\nreturn dout * p", 0, "1/N is missing"),
        (SOFTMAX + "return dout * p / N", 0, "subtract 1 from its probability"),
        (SOFTMAX + "p[range(N), labels] -= 1\nreturn -dout * p / N", 0, "opposite sign"),
        (SOFTMAX + "p[range(N), labels] -= 1\nreturn p / N", 0, "does not depend on dout"),
        (SOFTMAX + "p[range(N), labels] -= 1\nreturn dout * p / p.size", 0, "the mean is over the N rows only"),
        (
            SOFTMAX + "d = np.zeros(p.shape)\nd[range(N), labels] = -1 / p[range(N), labels]\nreturn dout * d / N",
            0,
            "go on through the softmax",
        ),
    ],
    "hinge": [
        (HINGE + "return dout * d / N", 0, "the right class gets no gradient"),
        (HINGE + "d[rows, labels] = -1\nreturn dout * d / N", 0, "once for each positive margin"),
        (HINGE + "d[rows, labels] = -d.sum(1)\nreturn dout * d", 0, "1/N is missing"),
        (HINGE + "d[rows, labels] = d.sum(1)\nreturn dout * d / N", 0, "wrong sign"),
        (HINGE + "d[rows, labels] = -d.sum(1)\nreturn d / N", 0, "does not depend on dout"),
        (HINGE + "d = margins\nd[rows, labels] = -d.sum(1)\nreturn dout * d / N", 0, "multiplied with the margins"),
    ],
    "batch_norm": [
        (NORM + "return d / std, dgamma, dbeta", 2, "both depend on every element of the column"),
        (
            NORM + "return (d - x_hat * dgamma * gamma / len(d)) / std, dgamma, dbeta",
            2,
            "the mean is taken for a const",
        ),
        (NORM + "return (d - dbeta * gamma / len(d)) / std, dgamma, dbeta", 2, "std is taken for a constant"),
        (NORM + "return (dout - dout.mean(0) - x_hat * dgamma / len(d)) / std, dgamma, dbeta", 2, "gamma is missing"),
        (NORM + "return d - d.mean(0) - x_hat * (d * x_hat).mean(0), dgamma, dbeta", 2, "not divided by std"),
        (
            NORM + "return (d - d.mean(0) - x_hat * (d * x_hat).mean(0)) / std, dout.sum(0), dbeta",
            5,
            "dgamma lacks x_hat",
        ),
        (
            NORM + "return (d - d.mean(0) - x_hat * (d * x_hat).mean(0)) / std, dgamma, dout",
            5,
            "dbeta is not summed over the batch",
        ),
    ],
    "layer_norm": [
        (
            NORM + "m = lambda a: a.mean(1, keepdims=True)\n"
            "return gamma * (dout - m(dout) - x_hat * m(dout * x_hat)) / std, dgamma, dbeta",
            2,
            "gamma is moved out of the mean",
        ),
        (
            NORM + "return (d - d.mean(0) - x_hat * (d * x_hat).mean(0)) / std, dgamma, dbeta",
            2,
            "the means run over the batch",
        ),
        (NORM + "return d / std, dgamma, dbeta", 2, "both depend on every element of the row"),
        (
            NORM + "return (d - x_hat * (d * x_hat).mean(1)[:, None]) / std, dgamma, dbeta",
            2,
            "the mean is taken for a constant",
        ),
        (NORM + "return (d - d.mean(1)[:, None]) / std, dgamma, dbeta", 2, "std is taken for a constant"),
        (NORM + "return np.zeros(d.shape), (dout * x_hat).sum(1), dbeta", 1, "dgamma is summed over the features"),
    ],
    "conv2d": [
        (CONV.replace("* w[f]", "* w[f, :, ::-1, ::-1]") + "return dx, dw, db", 4, "the kernel is flipped"),
        (CONV.replace("dxp[window] +=", "dxp[window] =") + "return dx, dw, db", 4, "windows overlap"),
        (BY_ELEMENT + "return dxp, dw, dout.sum(axis=(0, 2, 3))", 4, "windows overlap"),
        (CONV + "return dxp, dw, db", 4, "the padding is still on dx"),
        (CONV + "return dxp[:, :, : H - 2 * pad, : W - 2 * pad], dw, db", 4, "at one end only"),
        (CONV + "return dx, dw[:, :, ::-1, ::-1], db", 5, "dw is flipped"),
        (CONV + "return dx, dw / N, db", 5, "dw is a mean over the batch"),
        (CONV + "return dx, dw, dout.sum(axis=(2, 3))", 7, "db is not summed over the batch"),
        (CONV + "return dx, dw, dout.sum(axis=0)", 7, "db is not summed over the positions"),
        (CONV.replace("* stride", "* 1") + "return dx, dw, db", 1, "dw ignores the stride"),
        (CONV.replace("* stride", "* 1") + "return dx, dw, db", 1, "dx ignores the stride"),
        (CONV.replace("dxp[window] +=", "dxp[window] -=") + "return dx, dw, db", 4, "opposite sign"),
    ],
    "dropout": [
        (DROPOUT + "return dout * (1 - keep) / (1 - p) if train else dout", 0, "the mask is inverted"),
        (DROPOUT + "return np.where(keep, dout, 0.0)", 0, "1 / (1 - p) is missing"),
        (DROPOUT + "return dout * keep / p if train else dout", 0, "p is the probability to drop"),
        (DROPOUT + "return dout.copy()", 0, "there is no mask"),
        (DROPOUT + "return dout * keep / (1 - p)", 0, "otherwise dout passes as it is"),
        (DROPOUT + "return -dout * keep / (1 - p) if train else -dout", 0, "opposite sign"),
    ],
}


@pytest.mark.parametrize(
    ("name", "body", "points", "said"), [(name, *row) for name, rows in MISTAKES.items() for row in rows]
)
def test_a_mistake_is_rejected_and_named(name, body, points, said, tmp_path):
    result = graded(tmp_path, name, body)
    assert (result.mark, result.points) == (WRONG, points), result.text
    assert said in result.text


@pytest.mark.parametrize(("name", "i"), [(e.name, i) for e in EXERCISES for i in range(len(e.points))])
def test_a_gradient_off_by_a_thousandth_costs_its_points_and_no_others(name, i, tmp_path):
    body = f"""
import runpy
answer = runpy.run_path({str(SOLUTIONS / name) + ".py"!r})["backward"](dout, cache)
answer = list(answer) if isinstance(answer, tuple) else [answer]
answer[{i}] = 1.001 * answer[{i}]
return answer"""
    result = graded(tmp_path, name, body)
    lost = list(BY_NAME[name].points.values())[i]
    assert (result.mark, result.points) == (WRONG, BY_NAME[name].worth - lost), result.text
    assert "1.001 times the right one" in result.text


# ---- answers that are no gradients

BROKEN = {
    "x, w = cache": "backward returned None: end it with `return dx, dw, db`",
    "return dout": "backward returned 1 values, expected 3: return dx, dw, db",
    "x, w = cache\nreturn dout @ w, 0, 0": "ValueError in line 6, `return dout @ w, 0, 0`",
    "return (": "SyntaxError",
    "return 'dx', 'dw', 'db'": "dx should hold real numbers",
    "x, w = cache\nx *= 2\nreturn dout @ w.T, x.T @ dout, dout.sum(0)": "writes into the argument x",
    "x, w = cache\ndout *= 2\nreturn dout @ w.T, x.T @ dout, dout.sum(0)": "writes into the cotangent",
    "x, w = cache\nreturn dout @ w.T, x.T @ dout + np.random.random(), dout.sum(0)": "not deterministic",
}


@pytest.mark.parametrize(("body", "said"), BROKEN.items())
def test_an_answer_that_is_no_gradient_is_explained(body, said, tmp_path):
    result = graded(tmp_path, "affine", body)
    assert (result.mark, result.points) == (WRONG, 0)
    assert said in result.text
    assert "Traceback" not in result.text


def test_an_exception_comes_with_the_shapes(tmp_path):
    result = graded(tmp_path, "affine", "x, w = cache\nreturn dout @ w, 0, 0")
    assert result.text.endswith("the shapes were: dout (5, 3), x (5, 4), w (4, 3), b (3,)")
    assert "\n" not in result.summary


def test_a_file_without_backward_is_explained(tmp_path):
    (tmp_path / "relu.py").write_text("def forward(x):\n    return x, x\n")
    assert grade(BY_NAME["relu"], tmp_path).text == "relu.py defines no function backward."


# ---- the command


def run(*arguments):
    """The command in a process of its own, as a student starts it."""
    return subprocess.run(
        [sys.executable, str(HERE / "check.py"), *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONPATH": str(HERE.parents[1]), "PYTHONIOENCODING": "utf-8"},
        timeout=120,
        check=False,
    )


def test_the_list_before_the_first_answer():
    done = run()
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.count("not written yet") == 8
    assert "total                  0 / 32" in done.stdout


def test_one_exercise_from_the_command_line():
    done = run("affine", "--folder", str(SOLUTIONS))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("✓ affine: 3 of 3 points\n")


def test_the_list_of_the_solutions(capsys):
    assert main(["--folder", str(SOLUTIONS)]) == 0
    assert capsys.readouterr().out.count(RIGHT) == 8


def test_the_list_adds_up_points_and_shows_the_first_mistake(tmp_path, capsys):
    graded(tmp_path, "affine", AFFINE + "return dout @ w.T, x.T @ dout, dout")
    graded(tmp_path, "relu", "return dout * (cache > 0)")
    assert main(["--folder", str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "✗ affine                 2 / 3   db is not summed over the batch: all N rows share the one b."
    assert lines[1] == "✓ relu                   1 / 1"
    assert lines[-1] == "  total                  3 / 32"


def test_the_list_names_causes_that_no_hint_knows(tmp_path):
    assert (
        graded(tmp_path, "affine", AFFINE + "return dout @ w.T, -x.T @ dout, dout.sum(0)").summary == "dw: sign flipped"
    )
    assert graded(tmp_path, "relu", "dout *= cache > 0\nreturn dout").summary == "cotangent mutated"


def test_the_explanation_of_a_mistake(tmp_path, capsys):
    graded(tmp_path, "relu", "return dout * (cache < 0)")
    assert main(["relu", "--folder", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert "gradcheck of relu, a matrix: FAILED" in out
    assert "hint: the mask is inverted" in out
    assert out.endswith("✗ relu: 0 of 1 points\n")


def test_an_unknown_exercise_is_refused(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["attention"])
    assert stopped.value.code == 2
    assert "softmax_cross_entropy" in capsys.readouterr().err
