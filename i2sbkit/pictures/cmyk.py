"""CMYK through the profile that a file brings."""

from __future__ import annotations

import io

from PIL import Image, ImageCms

from ..kernel.errors import Error


def cmyk_to_srgb(image: Image.Image) -> tuple[Image.Image, bytes]:
    """A CMYK image as RGB, and the profile of what it is then: sRGB.

    Colours that sRGB has stay as they are on paper (relative colorimetric, black point compensated).

    Raises:
        Error: it has no profile of CMYK, without which nobody knows its colours.
    """
    profile = image.info.get("icc_profile")
    if not profile:
        raise Error("CMYK without a colour profile, so that its colours are not known; convert it to RGB first")
    target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    try:
        converted = ImageCms.profileToProfile(
            image,
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            target,
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except ImageCms.PyCMSError as error:
        raise Error(f"CMYK with a colour profile that does not fit ({error}); convert it to RGB first") from None
    assert converted is not None, "it is None where the image itself is changed"
    return converted, target.tobytes()
