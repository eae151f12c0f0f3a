"""Serves a picture model to a FanOne site: the server of `idl/embedding.thrift`.

    from fanone_embedding import serve

    def embed(picture):            # a PIL.Image.Image in RGB, at most 512 pixels a side
        return my_model(picture)   # as many numbers as `dimension` says

    serve(embed, name="my-model", dimension=512, listen="127.0.0.1:9000", key="data/keys/fanone.http.pub")
"""

from .server import Server, serve

__all__ = ["Server", "serve"]
