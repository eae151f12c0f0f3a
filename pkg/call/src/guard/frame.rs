//! Where a message ends, and where in it the Thrift message is.

use std::ops::Range;

use super::{Refusal, header};

/// Enough bytes to tell the transports apart; no message is shorter.
pub(crate) const DETECT_BYTES: usize = 6;

/// The transport of the message that comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// A header, then a frame or a bare message: this many bytes in all.
    TtHeader(usize),
    /// A length, then a bare message: this many bytes in all.
    Framed(usize),
    /// A message whose length shows only in itself.
    Bare,
}

/// Looks at the first [`DETECT_BYTES`] of a message, with the eyes of volo's decoder.
pub(crate) fn detect(bytes: &[u8], max: usize) -> Result<Transport, Refusal> {
    let Some((length, _)) = bytes.split_first_chunk() else {
        return Err(Refusal::CutOff { needed: DETECT_BYTES });
    };
    let total = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX).saturating_add(4);
    let transport = if header::is_ttheader(bytes) {
        Transport::TtHeader(total)
    } else if is_framed(bytes) {
        Transport::Framed(total)
    } else if matches!(bytes.first(), Some(0x80 | 0x82)) {
        return Ok(Transport::Bare);
    } else {
        return Err(Refusal::NotThrift);
    };
    if total > max { Err(Refusal::TooLong { max }) } else { Ok(transport) }
}

/// The Thrift message inside a whole message with a length before it.
pub(crate) fn inside(message: &[u8], transport: Transport) -> Result<Range<usize>, Refusal> {
    match transport {
        Transport::Bare => Ok(0..message.len()),
        Transport::Framed(_) => Ok(4..message.len()),
        Transport::TtHeader(_) => {
            let start = header::payload(message)?;
            let payload = message.get(start..).unwrap_or_default();
            if !is_framed(payload) {
                return Ok(start..message.len());
            }
            match payload.split_first_chunk() {
                Some((length, rest)) if usize::try_from(u32::from_be_bytes(*length)) == Ok(rest.len()) => {
                    Ok(start + 4..message.len())
                }
                _ => Err(Refusal::Malformed("the frame's length is not that of the message")),
            }
        }
    }
}

fn is_framed(bytes: &[u8]) -> bool {
    matches!(bytes.get(4..6), Some([0x80, 0x01] | [0x82, _]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transports_are_told_apart_by_their_first_bytes() {
        let max = 1 << 20;
        assert_eq!(detect(&[0, 0, 0, 100, 0x10, 0], max), Ok(Transport::TtHeader(104)));
        assert_eq!(detect(&[0, 0, 1, 0, 0x80, 1], max), Ok(Transport::Framed(260)));
        assert_eq!(detect(&[0, 0, 1, 0, 0x82, 0x21], max), Ok(Transport::Framed(260)));
        assert_eq!(detect(&[0x80, 1, 0, 1, 0, 0], max), Ok(Transport::Bare));
        assert_eq!(detect(&[0x82, 0x21, 1, 4, b'F', b'e'], max), Ok(Transport::Bare));
    }

    #[test]
    fn what_is_none_of_them_or_too_long_is_refused() {
        assert_eq!(detect(b"GET / ", 100), Err(Refusal::NotThrift));
        assert_eq!(detect(&[0xff, 0xff, 0xff, 0xff, 0x10, 0], 100), Err(Refusal::TooLong { max: 100 }));
        assert_eq!(detect(&[0x7f, 0xff, 0xff, 0xff, 0x80, 1], 100), Err(Refusal::TooLong { max: 100 }));
        assert!(detect(&[0, 0], 100).is_err());
    }
}
