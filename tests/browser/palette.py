"""A screenshot as a PNG of 256 colours, a third as large: what is lost are shades at the edges of letters."""

import struct
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

_COLOURS: Final = 256

Colour = bytes
"""Red, green and blue."""


def to_png(width: int, height: int, pixels: bytes) -> bytes:
    """`pixels` are four bytes each, red, green, blue and one that is not looked at, row by row from the top.

    The format is that of https://www.w3.org/TR/png-3/, with a palette and without filters.
    """
    colours = [pixels[at : at + 3] for at in range(0, len(pixels), 4)]
    palette = [colour for colour, _ in Counter(colours).most_common(_COLOURS)]
    indexed = _indexed(set(colours), palette)
    indices = bytes(indexed[colour] for colour in colours)
    rows = b"".join(b"\0" + indices[at : at + width] for at in range(0, len(indices), width))
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"PLTE", b"".join(palette)), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*each) for each in chunks)


def _indexed(colours: set[Colour], palette: Sequence[Colour]) -> Mapping[Colour, int]:
    """The nearest of the palette for each colour."""

    def distance(one: Colour, other: Colour) -> int:
        return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))

    return {each: min(range(len(palette)), key=lambda index: distance(palette[index], each)) for each in colours}


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
