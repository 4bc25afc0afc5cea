"""A test bed whose answers are known: Gaussian mixtures, seen through a matrix.

A picture (B, d, H, W) is a field of independent vectors, one a pixel, of d channels:

    x0 ~ sum_k w_k N(mu_k, S_k),    x1 = A x0 + noise e,    e ~ N(0, I).

On any bridge x_n = a x0 + b x1 + c z the law of x0 given x_n, given x1 or given both is then a mixture too, and with it
the best denoiser is known: `LinearProblem.denoiser`. What a sampler makes of it is compared with `LinearProblem.law`.
For d = 1 the deterministic walks are known as well: `LinearProblem.walk`. All numbers are float64.
"""

from .mixtures import GaussianMixture
from .problem import LinearProblem
from .sampler_errors import Draws, draws, farthest_error

__all__ = ["Draws", "GaussianMixture", "LinearProblem", "draws", "farthest_error"]
