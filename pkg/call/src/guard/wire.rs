//! Reading the two protocols without trusting them: every length is held against the bytes that
//! are there before anything is done with it.

use super::Refusal;

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Binary,
    Compact,
}

/// What kind of value follows, as far as the wire says: it does not tell texts from bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    I8,
    I16,
    I32,
    I64,
    Double,
    Bytes,
    Struct,
    List,
    Set,
    Map,
    Uuid,
}

/// The start of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Start<'a> {
    pub(crate) message_type: u8,
    pub(crate) method: &'a str,
}

/// The start of a field. A Compact `bool` field holds its value already.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FieldStart {
    pub(crate) id: i16,
    pub(crate) kind: Kind,
    pub(crate) has_value: bool,
}

const METHOD_BYTES_MAX: usize = 128;

pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    pub(crate) protocol: Protocol,
}

impl<'a> Reader<'a> {
    /// A reader of the message that `bytes` begin with.
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let protocol = match bytes.first() {
            Some(0x80) => Protocol::Binary,
            Some(0x82) => Protocol::Compact,
            Some(_) => return Err(Refusal::NotThrift),
            None => return Err(Refusal::CutOff { needed: 1 }),
        };
        Ok(Self { bytes, at: 0, protocol })
    }

    /// How many bytes have been read.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// How many bytes are there still.
    pub(crate) fn remaining(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Refusal> {
        let end = self.at.saturating_add(count);
        let taken = self.bytes.get(self.at..end).ok_or(Refusal::CutOff { needed: end })?;
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        let needed = self.at.saturating_add(N);
        self.take(N)?.first_chunk().copied().ok_or(Refusal::CutOff { needed })
    }

    fn byte(&mut self) -> Result<u8, Refusal> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    /// A varint of at most `bytes_max` bytes.
    fn varint(&mut self, bytes_max: u32) -> Result<u64, Refusal> {
        let mut value = 0;
        for place in 0..bytes_max {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            value |= bits.checked_shl(7 * place).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Refusal::Malformed("a varint does not end"))
    }

    /// A length or count, which must be one that the decoder understands in the same way.
    fn size(&mut self) -> Result<usize, Refusal> {
        let size = match self.protocol {
            Protocol::Binary => u64::from(u32::from_be_bytes(self.array()?)),
            Protocol::Compact => self.varint(5)?,
        };
        match i32::try_from(size) {
            Ok(size) => Ok(size.unsigned_abs() as usize),
            Err(_) => Err(Refusal::Malformed("a length is negative")),
        }
    }

    pub(crate) fn message_start(&mut self) -> Result<Start<'a>, Refusal> {
        let message_type = match self.protocol {
            Protocol::Binary => match self.array()? {
                [0x80, 0x01, _, message_type] => message_type,
                _ => return Err(Refusal::NotThrift),
            },
            Protocol::Compact => match self.array()? {
                [0x82, second] if second & 0x1f == 1 => second >> 5,
                _ => return Err(Refusal::NotThrift),
            },
        };
        if self.protocol == Protocol::Compact {
            self.varint(5)?;
        }
        let length = self.size()?;
        if length > METHOD_BYTES_MAX {
            return Err(Refusal::Malformed("the method's name is too long"));
        }
        let method = std::str::from_utf8(self.take(length)?).ok().ok_or(Refusal::NotUtf8)?;
        if self.protocol == Protocol::Binary {
            self.take(4)?;
        }
        Ok(Start { message_type, method })
    }

    /// The next field of a struct whose field before was `last` (0 at the start).
    pub(crate) fn field_start(&mut self, last: i16) -> Result<Option<FieldStart>, Refusal> {
        let first = self.byte()?;
        if self.protocol == Protocol::Binary {
            if first == 0 {
                return Ok(None);
            }
            let kind = binary_kind(first)?;
            let id = i16::from_be_bytes(self.array()?);
            return Ok(Some(FieldStart { id, kind, has_value: false }));
        }
        let kind = match first & 0x0f {
            0 => return Ok(None),
            low => compact_kind(low)?,
        };
        let id = match first >> 4 {
            0 => {
                let zigzag = self.varint(3)?;
                let value = (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed();
                i16::try_from(value).ok()
            }
            delta => last.checked_add(i16::from(delta)),
        };
        let id = id.ok_or(Refusal::Malformed("a field's number is out of range"))?;
        Ok(Some(FieldStart { id, kind, has_value: kind == Kind::Bool }))
    }

    /// The kind and the number of a list's or a set's elements; the kind is none if there are none.
    pub(crate) fn list_start(&mut self) -> Result<(Option<Kind>, usize), Refusal> {
        let first = self.byte()?;
        let (kind, count) = match self.protocol {
            Protocol::Binary => (first, self.size()?),
            Protocol::Compact => match first >> 4 {
                15 => (first & 0x0f, self.size()?),
                count => (first & 0x0f, usize::from(count)),
            },
        };
        if count == 0 {
            return Ok((None, 0));
        }
        self.fits(count)?;
        Ok((Some(self.kind(kind)?), count))
    }

    /// The kinds of a map's keys and values, and their number.
    pub(crate) fn map_start(&mut self) -> Result<(Option<(Kind, Kind)>, usize), Refusal> {
        let (kinds, count) = match self.protocol {
            Protocol::Binary => {
                let kinds: [u8; 2] = self.array()?;
                (kinds, self.size()?)
            }
            Protocol::Compact => match self.size()? {
                0 => ([0, 0], 0),
                count => {
                    let kinds = self.byte()?;
                    ([kinds >> 4, kinds & 0x0f], count)
                }
            },
        };
        if count == 0 {
            return Ok((None, 0));
        }
        self.fits(count)?;
        let [key, value] = kinds;
        Ok((Some((self.kind(key)?, self.kind(value)?)), count))
    }

    /// No element is shorter than a byte.
    fn fits(&self, count: usize) -> Result<(), Refusal> {
        if count > self.remaining() {
            return Err(Refusal::CutOff { needed: self.at.saturating_add(count) });
        }
        Ok(())
    }

    fn kind(&self, byte: u8) -> Result<Kind, Refusal> {
        match self.protocol {
            Protocol::Binary => binary_kind(byte),
            Protocol::Compact => compact_kind(byte),
        }
    }

    /// A value of a kind that holds no others.
    pub(crate) fn scalar(&mut self, kind: Kind) -> Result<&'a [u8], Refusal> {
        match (kind, self.protocol) {
            (Kind::Bytes, _) => {
                let length = self.size()?;
                self.take(length)
            }
            (Kind::Bool | Kind::I8, _) => self.take(1),
            (Kind::Double, _) | (Kind::I64, Protocol::Binary) => self.take(8),
            (Kind::Uuid, _) => self.take(16),
            (Kind::I16, Protocol::Binary) => self.take(2),
            (Kind::I32, Protocol::Binary) => self.take(4),
            (Kind::I16, Protocol::Compact) => self.varint(3).map(|_| Default::default()),
            (Kind::I32, Protocol::Compact) => self.varint(5).map(|_| Default::default()),
            (Kind::I64, Protocol::Compact) => self.varint(10).map(|_| Default::default()),
            (Kind::Struct | Kind::List | Kind::Set | Kind::Map, _) => {
                Err(Refusal::Malformed("a value is read as something else"))
            }
        }
    }
}

fn binary_kind(byte: u8) -> Result<Kind, Refusal> {
    Ok(match byte {
        2 => Kind::Bool,
        3 => Kind::I8,
        4 => Kind::Double,
        6 => Kind::I16,
        8 => Kind::I32,
        10 => Kind::I64,
        11 => Kind::Bytes,
        12 => Kind::Struct,
        13 => Kind::Map,
        14 => Kind::Set,
        15 => Kind::List,
        16 => Kind::Uuid,
        _ => return Err(Refusal::Malformed("there is no such type")),
    })
}

fn compact_kind(byte: u8) -> Result<Kind, Refusal> {
    Ok(match byte {
        1 | 2 => Kind::Bool,
        3 => Kind::I8,
        4 => Kind::I16,
        5 => Kind::I32,
        6 => Kind::I64,
        7 => Kind::Double,
        8 => Kind::Bytes,
        9 => Kind::List,
        10 => Kind::Set,
        11 => Kind::Map,
        12 => Kind::Struct,
        13 => Kind::Uuid,
        _ => return Err(Refusal::Malformed("there is no such type")),
    })
}
