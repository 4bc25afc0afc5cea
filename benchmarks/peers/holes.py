"""What fills holes without having been trained: OpenCV's methods, scikit-image's biharmonic one, Laplace's equation."""

from __future__ import annotations

from typing import Any

import numpy as np

from .peer import Case, Peer, Restore, Source, as_floats, as_levels

OPENCV = Source(("opencv-contrib-python-headless",), "pip install opencv-contrib-python-headless")
SKIMAGE = Source(("scikit-image",), "pip install scikit-image")
SCIPY = Source(("scipy",), "pip install scipy")
RADII = (1, 2, 3, 5, 8, 13)
MASK = "the mask"


def marked(case: Case) -> np.ndarray:
    """The mask (h, w) of a case."""
    assert case.mask is not None
    return case.mask


def fast_marching(method: str, radius: int) -> Restore:
    """`cv2.inpaint`."""
    import cv2

    flag = {"telea": cv2.INPAINT_TELEA, "ns": cv2.INPAINT_NS}[method]
    return lambda case: cv2.inpaint(case.image, marked(case).astype(np.uint8) * 255, radius, flag)


def frequency_selective(_: None) -> Restore:
    """`cv2.xphoto.inpaint` by FSR (Genser et al. 2018), in its fast mode: "best" takes 13 to 43 s for a crop of 256."""
    import cv2

    return lambda case: _xphoto(case, cv2.xphoto.INPAINT_FSR_FAST, cv2.COLOR_RGB2BGR, cv2.COLOR_BGR2RGB)


def shift_map(_: None) -> Restore:
    """`cv2.xphoto.inpaint` by a shift map (He and Sun 2012), which wants Lab."""
    import cv2

    cv2.setRNGSeed(0)
    return lambda case: _xphoto(case, cv2.xphoto.INPAINT_SHIFTMAP, cv2.COLOR_RGB2Lab, cv2.COLOR_Lab2RGB)


def _xphoto(case: Case, method: int, to: int, back: int) -> np.ndarray:
    """xphoto's masks are 0 in the holes, unlike those of `cv2.inpaint`."""
    import cv2

    known = np.where(marked(case), 0, 255).astype(np.uint8)
    source = cv2.cvtColor(case.image, to)
    filled = np.zeros_like(source)
    cv2.xphoto.inpaint(source, known, filled, method)
    return pasted(case, cv2.cvtColor(filled, back))


def biharmonic(_: None) -> Restore:
    """`skimage.restoration.inpaint_biharmonic` (Damelin and Hoang 2018)."""
    from skimage.restoration import inpaint_biharmonic

    def restore(case: Case) -> np.ndarray:
        return pasted(case, as_levels(inpaint_biharmonic(as_floats(case.image), marked(case), channel_axis=-1)))

    return restore


def harmonic(_: None) -> Restore:
    """Laplace's equation in the holes, their borders given; none flows through the borders of the picture."""
    from scipy.sparse import coo_array
    from scipy.sparse.linalg import spsolve

    def restore(case: Case) -> np.ndarray:
        mask, image = marked(case), as_floats(case.image)
        number = np.full(mask.shape, -1)
        number[mask] = np.arange(mask.sum())
        rows, columns, values = [], [], []
        right = np.zeros((int(mask.sum()), 3))
        for axis, shift in ((0, 1), (0, -1), (1, 1), (1, -1)):
            inside = np.ones_like(mask)
            np.moveaxis(inside, axis, 0)[-1 if shift == 1 else 0] = False
            here = number[mask & inside]
            there = np.roll(number, -shift, axis)[mask & inside]
            known = there < 0
            right[here[known]] += np.roll(image, -shift, axis)[mask & inside][known]
            rows += [here, here[~known]]
            columns += [here, there[~known]]
            values += [np.ones(len(here)), -np.ones(int((~known).sum()))]
        entries = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
        filled = image.copy()
        filled[mask] = spsolve(coo_array(entries).tocsc(), right)
        return pasted(case, as_levels(filled))

    return restore


def pasted(case: Case, filled: np.ndarray) -> np.ndarray:
    """What is known, bit for bit, and what was filled."""
    return np.where(marked(case)[..., None], filled, case.image)


def _opencv(name: str, load: Any, **more: Any) -> Peer:
    return Peer(f"OpenCV {name}", "inpaint", OPENCV, load, told=MASK, **more)


PEERS = [
    _opencv("Telea", lambda radius: fast_marching("telea", radius), choices=RADII, setting="radius"),
    _opencv("Navier-Stokes", lambda radius: fast_marching("ns", radius), choices=RADII, setting="radius"),
    _opencv("xphoto FSR fast", frequency_selective),
    _opencv("xphoto shift map", shift_map),
    Peer("scikit-image biharmonic", "inpaint", SKIMAGE, biharmonic, told=MASK),
    Peer("Laplace's equation", "inpaint", SCIPY, harmonic, told=MASK, note="benchmarks/peers/holes.py, with scipy"),
]
