"""The example model of clients/python in whatever mood a file says: MOOD_FILE LISTEN KEY."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "clients" / "python" / "examples"))

import colours  # noqa: E402

MOOD, LISTEN, KEY = sys.argv[1:]


def embed(picture):
    vector = colours.embed(picture)
    match Path(MOOD).read_text():
        case "well":
            return vector
        case "nan":
            return vector * float("nan")
        case "short":
            return vector[:-1]
        case mood:
            raise RuntimeError(mood)


colours.serve(embed, colours.NAME, colours.DIMENSION, LISTEN, KEY)
