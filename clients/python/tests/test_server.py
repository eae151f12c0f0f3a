"""The server over a real socket, asked as the front asks it."""

import errno
import io
import socket
import struct
import threading
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image
from thriftpy2.protocol.binary import TBinaryProtocol
from thriftpy2.thrift import TApplicationException, TMessageType
from thriftpy2.transport import TMemoryBuffer

from fanone_embedding import Server, ttheader
from fanone_embedding.server import IDL
from fanone_embedding.tokens import TOKEN

OURS, FOREIGN = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()


def token(key=OURS, typ="svc+jwt", **claims):
    now = int(time.time())
    claims = {"iss": "fanone.http", "aud": "fanone.embedding", "iat": now, "exp": now + 300} | claims
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"typ": typ})


@pytest.fixture
def start(tmp_path):
    servers = []

    def start(embed=lambda picture: [1.0, 2.0, 3.0], **options):
        key = tmp_path / "fanone.http.pub"
        key.write_bytes(OURS.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
        server = Server(embed, "m", 3, "127.0.0.1:0", key, **options)
        servers.append(server)
        threading.Thread(target=server.run, daemon=True).start()
        return server

    yield start
    for server in servers:
        server.close()


def png(side=8):
    file = io.BytesIO()
    Image.new("RGB", (side, side), (255, 0, 0)).save(file, "PNG")
    return file.getvalue()


def message(picture=None, model="m", sent=None, timeout=None, method="Embed", framed=True):
    out = TMemoryBuffer()
    protocol = TBinaryProtocol(out)
    protocol.write_message_begin(method, TMessageType.CALL, 7)
    request = IDL.EmbedReq(picture=png() if picture is None else picture, model=model)
    IDL.EmbeddingService.Embed_args(req=request).write(protocol)
    texts = {TOKEN: token() if sent is None else sent}
    numbered = {} if timeout is None else {12: str(timeout)}
    return ttheader.write(ttheader.Message(out.getvalue(), 9, framed, texts, numbered))


def exchange(server, data):
    """The answer to some bytes: a response, an exception, or None where the server hung up."""
    with socket.create_connection(("127.0.0.1", server.port()), timeout=30) as connection:
        connection.sendall(data)
        answer = ttheader.read(connection.makefile("rb"), 1 << 20)
    if answer is None:
        return None
    assert answer.sequence == 9
    protocol = TBinaryProtocol(TMemoryBuffer(answer.payload))
    _, kind, sequence = protocol.read_message_begin()
    assert sequence == 7
    result = TApplicationException() if kind == TMessageType.EXCEPTION else IDL.EmbeddingService.Embed_result()
    result.read(protocol)
    return result if kind == TMessageType.EXCEPTION else result.success


@pytest.mark.parametrize("framed", [True, False])
def test_a_picture_becomes_a_vector(start, framed):
    seen = []
    answer = exchange(start(lambda picture: seen.append(picture) or [0.5, -1, 2]), message(framed=framed))
    assert (answer.base.code, answer.model) == (10000, "m")
    assert struct.unpack("<3f", answer.vector) == (0.5, -1, 2)
    assert (seen[0].mode, seen[0].size) == ("RGB", (8, 8))


def test_several_calls_follow_each_other_on_a_connection(start):
    with socket.create_connection(("127.0.0.1", start().port()), timeout=30) as connection:
        stream = connection.makefile("rb")
        for _ in range(3):
            connection.sendall(message())
            assert ttheader.read(stream, 1 << 20) is not None


@pytest.mark.parametrize("sent", [
    "", "neither.a.token", token(key=FOREIGN), token(typ="at+jwt"), token(iss="fanone.user"), token(aud="fanone.user"),
    token(exp=int(time.time()) - 60), token(exp=None), token(iss=None), token(aud=None),
    jwt.encode({"iss": "fanone.http", "aud": "fanone.embedding", "exp": 1 << 40}, "", algorithm="none"),
])
def test_a_caller_that_has_not_proven_to_be_the_front_is_refused(start, sent):
    answer = exchange(start(), message(sent=sent))
    assert (answer.type, answer.message) == (11008, "11008 forbidden")


def test_another_model_and_what_is_no_picture_are_answered_with_their_codes(start):
    server = start()
    assert exchange(server, message(model="other")).base.code == 10003
    assert exchange(server, message(picture=b"text")).base.code == 10002
    assert exchange(server, message(picture=png(2000))).base.code == 10002
    assert exchange(server, message(method="Nothing")).type == TApplicationException.UNKNOWN_METHOD


def test_a_model_that_fails_is_an_answer_too(start):
    answer = exchange(start(lambda picture: 1 / 0), message())
    assert (answer.base.code, answer.base.msg, answer.vector) == (10001, "internal error", b"")


def test_who_waits_no_longer_is_not_worked_for(start):
    calls = []

    def slow(picture):
        calls.append(picture)
        time.sleep(0.5)
        return [1, 2, 3]

    server = start(slow, threads=1)
    others = threading.Thread(target=exchange, args=(server, message()))
    others.start()
    while not calls:
        time.sleep(0.01)
    answer = exchange(server, message(timeout=50))
    assert (answer.type, answer.message) == (10006, "10006 timed out")
    others.join()
    assert len(calls) == 1


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\r\n\r\n",
    struct.pack(">I", 0x7FFFFFFF) + b"\x10\x00",
    struct.pack(">IHHIH", 10, 0x1000, 0, 9, 0xFFFF),
    message()[:-40],
    message()[:60] + b"\xff" * (len(message()) - 60),
])
def test_bytes_that_are_no_message_cost_their_connection_only(start, data):
    server = start()
    with socket.create_connection(("127.0.0.1", server.port()), timeout=30) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(100) == b""
        except OSError as error:  # it closed before we were through; what it had not read is lost
            assert error.errno in (errno.ECONNRESET, errno.ENOTCONN, errno.EPIPE)
    assert exchange(server, message()).base.code == 10000


def test_a_header_reads_as_it_was_written():
    sent = ttheader.Message(b"\x80payload", 3, True, {"k": "värde"}, {12: "50", 6: "fanone.embedding"})
    data = ttheader.write(sent)
    assert ttheader.read(io.BytesIO(data), 1000) == sent
    assert sent.timeout() == 0.05
    for length in range(1, len(data)):
        with pytest.raises(ttheader.Malformed):
            ttheader.read(io.BytesIO(data[:length]), 1000)
