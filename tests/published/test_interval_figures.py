"""Intervals and tests against the worked figures of papers, to the digits that they print."""

from __future__ import annotations

import numpy as np
import pytest

from joulewise.compare.statistics import mcnemar, ratio_interval, tango, wilson


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_s_interval_of_newcombe_s_four_examples(successes, n, low, high):
    """Newcombe 1998, Statistics in Medicine 17:857, table I, method 3."""
    assert wilson(successes, n) == pytest.approx((low, high), abs=5e-5)


def test_mcnemar_s_exact_test():
    """Airway hyper-responsiveness, 1 against 7 changes (Bentur et al. 2009): p = 0.0703.

    Fagerland, Lydersen and Laake 2014, Statistics in Medicine 33:2850. 2 against 9: p = 0.06543, Fay's exact2x2.
    """
    assert mcnemar(7, 1) == pytest.approx(0.0703, abs=5e-5)
    assert mcnemar(2, 9) == pytest.approx(0.06543, abs=5e-6)


def test_tango_s_interval_ends_where_his_score_test_does():
    """z^2 / (n + z^2) without a change; p of McNemar's score test, (w - l)^2 / (w + l) = z^2, at an end of zero."""
    z2 = 1.959963984540054**2
    assert tango(0, 0, 765) == pytest.approx((-z2 / (765 + z2), z2 / (765 + z2)), abs=1e-12)
    assert tango(7, 1, 21) == pytest.approx((-0.517, -0.026), abs=5e-4)  # Fagerland, Lydersen and Laake 2014


def test_a_ratio_s_interval_is_that_of_cochran_s_linearised_variance():
    """Cochran 1977, section 6.5, on the log scale; by hand for two blocks, where t is 12.7062."""
    above, below = np.array([1.0, 3.0]), np.array([2.0, 2.0])
    value, low, high = ratio_interval(above, below)
    spread = np.sqrt(((0.5 - 0) ** 2 + (-0.5) ** 2) / 1 / 2)  # above / 2 - below / 2 = -0.5, 0.5
    assert value == 1.0
    assert (np.log(low), np.log(high)) == pytest.approx((-12.7062 * spread, 12.7062 * spread), rel=1e-5)
