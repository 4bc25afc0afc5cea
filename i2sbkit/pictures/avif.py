"""What an AVIF file says of itself that Pillow does not keep: more than 8 bits, colours by number."""

from __future__ import annotations

from pathlib import Path

HEAD = 65_536
"""Bytes in which the properties of a picture are found; they stand before its data."""
SRGB_PRIMARIES, SRGB_TRANSFERS = (1, 2), (1, 2, 6, 13, 14, 15)
"""CICP codes (ITU-T H.273) that are sRGB or near it, or say nothing."""


def avif_notes(path: Path) -> list[str]:
    """What is lost where Pillow reads a file, in words."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    notes = []
    at = head.find(b"pixi")  # version and flags, the number of channels, the bits of each (ISO 23008-12, 6.5.6)
    if at > 0 and (bits := max(head[at + 9 : at + 9 + head[at + 8]], default=8)) > 8:
        notes.append(f"{bits} bits a channel, of which Pillow reads 8")
    at = head.find(b"colrnclx")  # primaries and transfer function (ISO 23008-12, 6.5.5)
    if at > 0 and b"colrprof" not in head:
        primaries, transfer = int.from_bytes(head[at + 8 : at + 10]), int.from_bytes(head[at + 10 : at + 12])
        if primaries not in SRGB_PRIMARIES or transfer not in SRGB_TRANSFERS:
            notes.append(f"colours of CICP {primaries}/{transfer} without a profile; the copy is taken for sRGB")
    return notes
