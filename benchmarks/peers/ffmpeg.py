"""ffmpeg's deblocking filters, on the JPEG file itself: they work on its planes and on its own grid of blocks."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from importlib.util import find_spec

import numpy as np

from .peer import Case, Missing, Peer, Restore, Source

INSTALL = "pip install imageio-ffmpeg, or apt-get install ffmpeg"
ONE_THREAD = ("-threads", "1", "-filter_threads", "1")
EXACT = ("-sws_flags", "bicubic+accurate_rnd+full_chroma_int+full_chroma_inp")
"""Without these, ffmpeg's way from YCbCr to RGB loses 0.1 to 0.3 dB, which the filters are not to blame for."""
LEVELS = (2, 3, 4, 5, 6, 8, 10, 12, 14, 17, 20, 24, 28, 34, 40, 50, 63)


@cache
def program() -> str:
    """The path of ffmpeg: `imageio-ffmpeg` brings one, else the system's.

    Raises:
        Missing: neither is there.
    """
    if find_spec("imageio_ffmpeg"):
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    found = shutil.which("ffmpeg")
    if found is None:
        raise Missing(INSTALL)
    return found


@cache
def version() -> str:
    """As "ffmpeg n9.0.2"."""
    text = subprocess.run([program(), "-version"], capture_output=True, text=True, check=True).stdout
    found = re.match(r"ffmpeg version ([^\s-]+)", text)
    return f"ffmpeg {found[1]}" if found else "ffmpeg"


FFMPEG = Source((), INSTALL, version)


def deblocker(form: str, level: int) -> Restore:
    """A filter such as "spp=6:{}", with its quantiser."""

    def restore(case: Case) -> np.ndarray:
        assert case.file is not None
        command = [program(), "-hide_banner", "-loglevel", "error", *ONE_THREAD, "-f", "jpeg_pipe", "-i", "-"]
        command += ["-vf", form.format(level), *EXACT, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
        environment = {**os.environ, "AV_LOG_FORCE_NOCOLOR": "1"}
        done = subprocess.run(command, input=case.file, capture_output=True, check=True, env=environment)
        return np.frombuffer(done.stdout, np.uint8).reshape(case.image.shape)

    return restore


def _filter(name: str, form: str) -> Peer:
    return Peer(
        f"ffmpeg {name}",
        "jpeg",
        FFMPEG,
        lambda level: deblocker(form, level),
        choices=LEVELS,
        setting="qp",
        note=f"{form.format('qp')} on the JPEG file itself; seconds with the start of its process",
    )


PEERS = [_filter("spp", "spp=6:{}"), _filter("fspp", "fspp=5:{}"), _filter("pp7", "pp7={}:hard")]
