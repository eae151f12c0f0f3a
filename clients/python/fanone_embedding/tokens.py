"""Who calls: the front proves its name with a token that it signs with its own key."""

from pathlib import Path

import jwt

OURSELVES = "fanone.embedding"
CALLER = "fanone.http"
TYPE = "svc+jwt"
# In the metadata of a call, which travels as texts of the TTHeader.
TOKEN = "RPC_TRANSIT_FANONE_SERVICE"
BYTES_MAX = 4096
# How far the clocks of two machines may differ.
LEEWAY_S = 5


class Forbidden(Exception):
    """A caller that has not proven to be the front."""


class Gate:
    """Lets the front in: the one whose public key is in the PEM file `key`."""

    def __init__(self, key):
        self.key = Path(key).read_text()
        # A wrong file is told at the start, not at the first call.
        jwt.algorithms.OKPAlgorithm().prepare_key(self.key)

    def check(self, texts):
        """Raises Forbidden unless the call that carries these texts comes from the front."""
        token = texts.get(TOKEN, "")
        if not token or len(token) > BYTES_MAX:
            raise Forbidden("no token")
        try:
            if jwt.get_unverified_header(token).get("typ") != TYPE:
                raise Forbidden("a token of another type")
            jwt.decode(token, self.key, algorithms=["EdDSA"], audience=OURSELVES, issuer=CALLER, leeway=LEEWAY_S,
                       options={"require": ["exp", "iss", "aud"]})
        except jwt.PyJWTError as error:
            raise Forbidden(str(error)) from error
