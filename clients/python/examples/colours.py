#!/usr/bin/env python3
"""A model to begin with: the colours of a picture on a grid of 8 × 8, and how they change from cell to cell.

    python examples/colours.py --key data/keys/fanone.http.pub
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))  # not needed once the package is installed

from fanone_embedding import serve  # noqa: E402

GRID = 8
NAME, DIMENSION = "colours", GRID * GRID * 3 + 2 * GRID * (GRID - 1)


def embed(picture):
    cells = np.asarray(picture.resize((GRID, GRID)), np.float32) / 255
    light = cells.mean(2)
    edges = np.concatenate([np.diff(light, axis=0).ravel(), np.diff(light, axis=1).ravel()])
    return np.concatenate([(cells - cells.mean((0, 1))).ravel(), 2 * edges]) + 1e-3


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--listen", default="127.0.0.1:9000")
    arguments.add_argument("--key", default="data/keys/fanone.http.pub")
    arguments = arguments.parse_args()
    serve(embed, NAME, DIMENSION, arguments.listen, arguments.key)
