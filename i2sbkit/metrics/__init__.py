"""Distances between pictures, and between sets of them."""

from .columns import Column, column
from .distributions import Distribution
from .features import FeatureNetwork, Look, ModuleNetwork
from .luminance import luma
from .networks import feature_network
from .pixelwise import psnr, psnr_b
from .scoring import Prepared, Score, Scorer
from .structural import ms_ssim, ssim

__all__ = [
    "Column",
    "Distribution",
    "FeatureNetwork",
    "Look",
    "ModuleNetwork",
    "Prepared",
    "Score",
    "Scorer",
    "column",
    "feature_network",
    "luma",
    "ms_ssim",
    "psnr",
    "psnr_b",
    "ssim",
]
