#!/usr/bin/env python3
"""Serves an ONNX file by ONNX Runtime, for networks that FanOne cannot run itself, or on a machine with a GPU.

    pip install 'fanone-embedding[onnx]'
    python examples/onnx_file.py ../../assets/models/small.onnx --name small --key data/keys/fanone.http.pub
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))  # not needed once the package is installed

from fanone_embedding import serve  # noqa: E402


class Network:
    """Takes [1, 3, height, width], prepared as docs/models.md says."""

    def __init__(self, file):
        self.session = onnxruntime.InferenceSession(file, providers=onnxruntime.get_available_providers())
        self.input = self.session.get_inputs()[0]
        self.height, self.width = self.input.shape[2:]
        properties = self.session.get_modelmeta().custom_metadata_map
        numbers = lambda key, default: np.array([float(n) for n in properties.get(key, default).split(",")], np.float32)
        self.mean, self.std = numbers("mean", "0.485,0.456,0.406"), numbers("std", "0.229,0.224,0.225")

    def __call__(self, picture):
        pixels = np.asarray(picture.resize((self.width, self.height), Image.BILINEAR), np.float32) / 255
        pixels = ((pixels - self.mean) / self.std).transpose(2, 0, 1)[None]
        return self.session.run(None, {self.input.name: pixels})[0].ravel()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("file")
    arguments.add_argument("--name", required=True)
    arguments.add_argument("--listen", default="127.0.0.1:9000")
    arguments.add_argument("--key", default="data/keys/fanone.http.pub")
    arguments = arguments.parse_args()
    network = Network(arguments.file)
    dimension = len(network(Image.new("RGB", (8, 8))))
    serve(network, arguments.name, dimension, arguments.listen, arguments.key)
