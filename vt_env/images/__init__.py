"""Where pixels come from, how large the views are, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from judges import lazy_face

if TYPE_CHECKING:
    from vt_env.images.files import BytesImage, FileImage
    from vt_env.images.ladder import check_ladder
    from vt_env.images.limits import BOUNDS, ImageLimits, crop_size, shown_size, tokens_of
    from vt_env.images.pixels import to_rgb
    from vt_env.images.regions import Region
    from vt_env.images.urls import UrlImage
    from vt_env.images.views import (
        ImageSource,
        MemoryImage,
        ReducibleSource,
        SharedImage,
        resample,
        view,
    )
else:
    __getattr__, __dir__ = lazy_face(
        __name__,
        {
            "vt_env.images.files": (
                "BytesImage",
                "FileImage",
            ),
            "vt_env.images.ladder": ("check_ladder",),
            "vt_env.images.limits": (
                "BOUNDS",
                "ImageLimits",
                "crop_size",
                "shown_size",
                "tokens_of",
            ),
            "vt_env.images.pixels": ("to_rgb",),
            "vt_env.images.regions": ("Region",),
            "vt_env.images.urls": ("UrlImage",),
            "vt_env.images.views": (
                "ImageSource",
                "MemoryImage",
                "ReducibleSource",
                "SharedImage",
                "resample",
                "view",
            ),
        },
    )

__all__ = [
    "BOUNDS",
    "BytesImage",
    "FileImage",
    "ImageLimits",
    "ImageSource",
    "MemoryImage",
    "ReducibleSource",
    "Region",
    "SharedImage",
    "UrlImage",
    "check_ladder",
    "crop_size",
    "resample",
    "shown_size",
    "to_rgb",
    "tokens_of",
    "view",
]
