"""The server: connections, threads, time, and what is asked and answered."""

import array
import io
import logging
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import thriftpy2
from PIL import Image
from thriftpy2.protocol.binary import TBinaryProtocol
from thriftpy2.thrift import TApplicationException, TMessageType
from thriftpy2.transport import TMemoryBuffer

from . import ttheader
from .tokens import Forbidden, Gate

log = logging.getLogger("fanone_embedding")

IDL = thriftpy2.load(str(Path(__file__).parent / "idl" / "embedding.thrift"), module_name="embedding_thrift")
SUCCESS, INTERNAL, PARAMETER, NOT_FOUND, BUSY, UNAVAILABLE, FORBIDDEN = 10000, 10001, 10002, 10003, 10005, 10006, 11008
MESSAGES = {SUCCESS: "success", INTERNAL: "internal error", PARAMETER: "parameter error", NOT_FOUND: "not found",
            BUSY: "too many requests", UNAVAILABLE: "temporarily unavailable", FORBIDDEN: "forbidden"}

MESSAGE_BYTES_MAX = 16 << 20
CONNECTIONS_MAX = 256
# A front keeps idle connections for 30 s.
IDLE_S = 120
# From a message's first byte to its last, in either direction.
MESSAGE_S = 10
# For callers that don't say how long they wait.
CALL_S = 30
SIDE_MAX = 1024


class Refused(Exception):
    """A call that is refused before the model sees it."""

    def __init__(self, code, text=None):
        super().__init__(f"{code} {text or MESSAGES[code]}")
        self.code = code


class Server:
    """Serves `embed` as the model `name`; `threads` pictures at a time."""

    def __init__(self, embed, name, dimension, listen, key, threads=2):
        self.embed, self.name, self.dimension = embed, name, dimension
        self.gate = Gate(key)
        self.room = threading.BoundedSemaphore(CONNECTIONS_MAX)
        self.working = threading.BoundedSemaphore(threads)
        host, port = listen.rsplit(":", 1)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.create_server((host.strip("[]"), int(port)), family=family)
        self.closed = threading.Event()

    def port(self):
        return self.listener.getsockname()[1]

    def run(self):
        """Serves until `close`."""
        while not self.closed.is_set():
            self.room.acquire()
            try:
                connection, peer = self.listener.accept()
            except OSError as error:
                self.room.release()
                if not self.closed.is_set():
                    log.warning("no connection can be accepted: %s", error)
                    time.sleep(0.05)
                continue
            threading.Thread(target=self._connection, args=(connection, peer), daemon=True).start()

    def close(self):
        """Ends `run`; calls under way end with the process."""
        self.closed.set()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()

    def _connection(self, connection, peer):
        try:
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                stream = Timed(connection)
                while (message := ttheader.read(stream, MESSAGE_BYTES_MAX)) is not None:
                    connection.settimeout(MESSAGE_S)
                    connection.sendall(self._answer(message, stream.began))
                    stream.next()
        except (OSError, ttheader.Malformed) as error:
            log.info("%s: %s", peer[0], error)
        except Exception:
            # Whatever a message has in it, it ends its own connection only.
            log.exception("%s: a message was not understood", peer[0])
        finally:
            self.room.release()

    def _answer(self, message, began):
        """The bytes that answer a message."""
        call = TBinaryProtocol(TMemoryBuffer(message.payload), strict_read=True)
        method, kind, sequence = call.read_message_begin()
        if kind != TMessageType.CALL:
            raise ttheader.Malformed("no call")
        try:
            self.gate.check(message.texts)
            result = self._call(method, call, began + (message.timeout() or CALL_S))
            answer, kind = IDL.EmbeddingService.Embed_result(success=result), TMessageType.REPLY
        except Forbidden as error:
            log.warning("a call was refused: %s", error)
            answer, kind = exception(Refused(FORBIDDEN)), TMessageType.EXCEPTION
        except Refused as error:
            answer, kind = exception(error), TMessageType.EXCEPTION
        out = TMemoryBuffer()
        reply = TBinaryProtocol(out)
        reply.write_message_begin(method, kind, sequence)
        answer.write(reply)
        reply.write_message_end()
        return ttheader.write(ttheader.Message(out.getvalue(), message.sequence, message.framed))

    def _call(self, method, call, deadline):
        if method != "Embed":
            raise Refused(TApplicationException.UNKNOWN_METHOD, f"no method {method}")
        arguments = IDL.EmbeddingService.Embed_args()
        arguments.read(call)
        request = arguments.req
        if request is None or request.picture is None or request.model is None:
            raise ttheader.Malformed("a required field is missing")
        if request.model != self.name:
            return self._response(NOT_FOUND, f"there is no model {request.model}")
        # Who waits no longer needs no answer.
        if not self.working.acquire(timeout=max(0, deadline - time.monotonic())):
            raise Refused(UNAVAILABLE, "timed out")
        try:
            if time.monotonic() >= deadline:
                raise Refused(UNAVAILABLE, "timed out")
            return self._embed(request.picture)
        finally:
            self.working.release()

    def _embed(self, data):
        try:
            with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
                if max(picture.size) > SIDE_MAX:
                    return self._response(PARAMETER, f"picture: has more than {SIDE_MAX} pixels a side")
                picture = picture.convert("RGB")
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
            return self._response(PARAMETER, "picture: is no PNG")
        try:
            vector = array.array("f", map(float, self.embed(picture)))
        except Exception:
            log.exception("the model failed")
            return self._response(INTERNAL)
        if len(vector) != self.dimension:
            log.warning("the model gave %d numbers, %d were promised", len(vector), self.dimension)
        if sys.byteorder == "big":
            vector.byteswap()
        return self._response(SUCCESS, vector=vector.tobytes())

    def _response(self, code, message=None, vector=b""):
        base = IDL.base.BaseResp(code=code, msg=message or MESSAGES[code])
        return IDL.EmbedResp(base=base, vector=vector, model=self.name)


class Timed:
    """Reads from a connection; a peer may be silent between messages for a while, but not within one."""

    def __init__(self, connection):
        self.connection = connection
        self.next()

    def next(self):
        self.began = None

    def read(self, length):
        pieces = []
        while length > 0:
            self.connection.settimeout(self._patience())
            piece = self.connection.recv(min(length, 1 << 16))
            if not piece:
                break
            self.began = self.began or time.monotonic()
            pieces.append(piece)
            length -= len(piece)
        return b"".join(pieces)

    def _patience(self):
        if self.began is None:
            return IDLE_S
        left = self.began + MESSAGE_S - time.monotonic()
        if left <= 0:
            raise TimeoutError("the message did not end in time")
        return left


def exception(refused):
    return TApplicationException(type=refused.code, message=str(refused))


def serve(embed, name, dimension, listen="127.0.0.1:9000", key="data/keys/fanone.http.pub", threads=2):
    """Serves a model until a signal.

    `embed` takes a `PIL.Image.Image` in RGB and gives `dimension` numbers; it is called from `threads` threads at a time.
    `key` is the file with the front's public key, which the site keeps beside its other keys.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    server = Server(embed, name, dimension, listen, key, threads)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: server.close())
    log.info('ready: model.url = "thrift://%s?name=%s&dimension=%d"', listen, name, dimension)
    server.run()
