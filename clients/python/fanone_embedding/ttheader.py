"""Messages with a TTHeader, as volo and Kitex send them.

    length u32 | 0x1000 u16 | flags u16 | sequence u32 | header size / 4 u16 | protocol u8 | transforms u8 | blocks | payload
    blocks: 0 padding | 1 texts: count, (key, value)… | 16 numbered: count, (number, value)… | 17 token
"""

import struct
from dataclasses import dataclass, field

MAGIC = 0x1000
FIXED = struct.Struct(">HHIH")
BINARY = 0
RPC_TIMEOUT = 12


class Malformed(Exception):
    """Bytes that are no such message."""


@dataclass
class Message:
    """The payload of a message, and what its header says."""

    payload: bytes
    sequence: int = 0
    framed: bool = True
    texts: dict = field(default_factory=dict)
    numbered: dict = field(default_factory=dict)

    def timeout(self):
        """How many seconds the caller waits, if it says so."""
        try:
            return max(0, int(self.numbered[RPC_TIMEOUT])) / 1000
        except (KeyError, ValueError):
            return None


def read(stream, limit):
    """The next message of a stream, of at most `limit` bytes; None at its end."""
    start = stream.read(4)
    if not start:
        return None
    (length,) = struct.unpack(">I", whole(start, 4))
    if length > limit:
        raise Malformed(f"the message has {length} bytes, more than {limit}")
    return parse(whole(stream.read(length), length))


def whole(data, length):
    if len(data) < length:
        raise Malformed("the message is cut off")
    return data


def parse(content):
    """The message in what follows its length."""
    magic, _flags, sequence, words = FIXED.unpack(whole(content[: FIXED.size], FIXED.size))
    if magic != MAGIC:
        raise Malformed("no TTHeader")
    end = FIXED.size + words * 4
    blocks = Blocks(whole(content[FIXED.size : end], words * 4))
    message = Message(content[end:], sequence)
    protocol = blocks.number(1)
    if protocol != BINARY:
        raise Malformed(f"the protocol {protocol} is not served")
    blocks.take(blocks.number(1))
    while blocks.data:
        kind = blocks.number(1)
        if kind == 0x01:
            for _ in range(blocks.number(2)):
                key = blocks.text()
                message.texts[key] = blocks.text()
        elif kind == 0x10:
            for _ in range(blocks.number(2)):
                key = blocks.number(2)
                message.numbered[key] = blocks.text()
        elif kind == 0x11:
            blocks.text()
        elif kind != 0x00:
            raise Malformed(f"the block {kind} is unknown")
    # A message proper begins with 0x80; before it there may be its length once more.
    message.framed = message.payload[:1] != b"\x80"
    if message.framed:
        (length,) = struct.unpack(">I", whole(message.payload[:4], 4))
        message.payload = message.payload[4:]
        if len(message.payload) != length:
            raise Malformed("the frame's length is not that of the message")
    return message


def write(message):
    """The bytes of a message."""
    texts = [text.encode() for pair in message.texts.items() for text in pair]
    blocks = bytes([BINARY, 0])
    if texts:
        blocks += struct.pack(">BH", 1, len(message.texts))
        blocks += b"".join(struct.pack(">H", len(text)) + text for text in texts)
    if message.numbered:
        blocks += struct.pack(">BH", 16, len(message.numbered))
        for number, text in message.numbered.items():
            blocks += struct.pack(">HH", number, len(text.encode())) + text.encode()
    blocks += b"\0" * (-len(blocks) % 4)
    payload = message.payload
    if message.framed:
        payload = struct.pack(">I", len(payload)) + payload
    content = FIXED.pack(MAGIC, 0, message.sequence, len(blocks) // 4) + blocks + payload
    return struct.pack(">I", len(content)) + content


class Blocks:
    """What is left of the header."""

    def __init__(self, data):
        self.data = data

    def take(self, length):
        taken = whole(self.data[:length], length)
        self.data = self.data[length:]
        return taken

    def number(self, length):
        return int.from_bytes(self.take(length), "big")

    def text(self):
        try:
            return self.take(self.number(2)).decode()
        except UnicodeDecodeError as error:
            raise Malformed("a text is not UTF-8") from error
