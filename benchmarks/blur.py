"""The operator of `blur` at 256x256 against the same map as dense matrices, A x A'^T; goal: at least 5 times as fast.

    taskset -c 0 env OMP_NUM_THREADS=1 python benchmarks/blur.py

The second ratio is to the form that singular values take, two products more: how the authors' code applies its blur.
"""

import torch
from timing import interleaved
from torch import Tensor

from i2sbkit import gaussian_kernel, uniform_kernel
from i2sbkit.memory import keep_freed_memory
from i2sbkit_plugins.blur import convolve

SIZE = 256
TIMES = 40


def matrix(kernel: Tensor) -> Tensor:
    """The blur of one column of pixels, (SIZE, SIZE)."""
    return convolve(torch.eye(SIZE)[None], kernel.sum(1, keepdim=True))[0]


def main() -> None:
    """Print the ratios for the paper's two kernels and a large one."""
    torch.set_num_threads(1)
    keep_freed_memory()  # as the command line does; else every turn measures how Linux clears pages
    x = torch.rand(3, SIZE, SIZE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    kernels = {
        "uniform 9x9": uniform_kernel(9),
        "gaussian 5x5": gaussian_kernel(5, 10.0),
        "gaussian 21x21": gaussian_kernel(21, 5.0),
    }
    for name, kernel in kernels.items():
        dense = matrix(kernel)
        u, s, vh = torch.linalg.svd(dense)
        values = torch.outer(s, s)
        alternatives = {
            "blur": lambda k=kernel: convolve(x, k),
            "dense": lambda m=dense: m @ x @ m.T,
            "svd": lambda u=u, v=vh, s=values: u @ (s * (v @ x @ v.T)) @ u.T,
        }
        for other in ("dense", "svd"):
            assert torch.allclose(alternatives["blur"](), alternatives[other](), atol=1e-5)
        seconds = interleaved(
            {key: lambda work=work: [work() for _ in range(TIMES)] for key, work in alternatives.items()}, rounds=9
        )
        ratios = [seconds[other] / seconds["blur"] for other in ("dense", "svd")]
        milliseconds = 1000 * seconds["blur"] / TIMES
        print(f"{name:15} {milliseconds:.2f} ms; dense / blur {ratios[0]:.1f} (goal 5), svd / blur {ratios[1]:.1f}")


if __name__ == "__main__":
    main()
