//! TTHeader, walked through exactly as volo's decoder does it, which subtracts and cuts without
//! looking.
//!
//! ```text
//! length u32 | magic u16 | flags u16 | sequence u32 | size / 4 u16 | protocol u8 | transforms u8 | …
//! blocks: 0 padding | 1 texts: count, (key, value)… | 16 numbered: count, (number, value)… | 17 token
//! ```

use super::Refusal;

/// Up to the size, which counts what comes after it.
const FIXED: usize = 14;
const MALFORMED: Refusal = Refusal::Malformed("the TTHeader contradicts itself");

/// Whether a message that begins with `bytes` has a TTHeader.
pub(crate) fn is_ttheader(bytes: &[u8]) -> bool {
    bytes.get(4..6) == Some(&[0x10, 0x00])
}

/// Where the payload of a whole message with a TTHeader begins.
pub(crate) fn payload(message: &[u8]) -> Result<usize, Refusal> {
    let size = message.get(12..FIXED).and_then(|bytes| bytes.first_chunk()).ok_or(MALFORMED)?;
    let end = FIXED + usize::from(u16::from_be_bytes(*size)) * 4;
    let mut blocks = Blocks(message.get(FIXED..end).ok_or(MALFORMED)?);
    let protocol = blocks.byte()?;
    if !matches!(protocol, 0 | 2) {
        return Err(Refusal::Malformed("the TTHeader names a protocol that is not served"));
    }
    let transforms = blocks.byte()?;
    blocks.take(usize::from(transforms))?;
    while let Some((block, rest)) = blocks.0.split_first() {
        blocks.0 = rest;
        match block {
            0x00 => {}
            0x01 => {
                for _ in 0..blocks.count(4)? {
                    blocks.text()?;
                    blocks.text()?;
                }
            }
            0x10 => {
                for _ in 0..blocks.count(4)? {
                    blocks.take(2)?;
                    blocks.text()?;
                }
            }
            0x11 => drop(blocks.text()?),
            _ => return Err(Refusal::Malformed("the TTHeader has an unknown block")),
        }
    }
    Ok(end)
}

/// What is left of the header.
struct Blocks<'a>(&'a [u8]);

impl<'a> Blocks<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Refusal> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(MALFORMED)?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Refusal> {
        self.take(1)?.first().copied().ok_or(MALFORMED)
    }

    fn number(&mut self) -> Result<usize, Refusal> {
        let bytes = self.take(2)?.first_chunk().ok_or(MALFORMED)?;
        Ok(usize::from(u16::from_be_bytes(*bytes)))
    }

    /// How many entries follow, each of at least `entry_bytes`; room for all is made at once.
    fn count(&mut self, entry_bytes: usize) -> Result<usize, Refusal> {
        let count = self.number()?;
        if count * entry_bytes > self.0.len() { Err(MALFORMED) } else { Ok(count) }
    }

    /// A text with its length before it.
    fn text(&mut self) -> Result<&'a str, Refusal> {
        let length = self.number()?;
        std::str::from_utf8(self.take(length)?).ok().ok_or(Refusal::NotUtf8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(blocks: &[u8]) -> Vec<u8> {
        let mut message = vec![0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 1];
        message.extend(u16::try_from(blocks.len() / 4).unwrap().to_be_bytes());
        message.extend(blocks);
        message
    }

    #[test]
    fn a_header_that_agrees_with_itself_has_its_payload_behind_it() {
        assert_eq!(payload(&message(&[0, 0, 0, 0])), Ok(18));
        let texts = [0, 0, 1, 0, 1, 0, 1, b'k', 0, 1, b'v', 0x11, 0, 1, b't', 0];
        assert_eq!(payload(&message(&texts)), Ok(30));
        let numbered = [0, 1, 9, 0x10, 0, 1, 0, 12, 0, 2, b'5', b'0'];
        assert_eq!(payload(&message(&numbered)), Ok(26));
    }

    #[test]
    fn every_cut_and_every_lie_is_refused() {
        let good = message(&[0, 0, 1, 0, 1, 0, 1, b'k', 0, 1, b'v', 0]);
        for length in 0..good.len() {
            assert!(payload(&good[..length]).is_err(), "{length}");
        }
        for blocks in [
            [].as_slice(),
            &[1, 0, 0, 0],                               // protocol 1
            &[0, 200, 0, 0],                             // more transforms than bytes
            &[0, 0, 1, 0xff, 0xff, 0, 0, 0],             // more entries than bytes
            &[0, 0, 1, 0, 1, 0xff, 0xff, 0],             // a key longer than the header
            &[0, 0, 0x10, 0, 1, 0, 12, 0],               // a value cut off
            &[0, 0, 2, 0],                               // an unknown block
            &[0, 0, 1, 0, 1, 0, 1, 0xff, 0, 1, b'v', 0], // a key that is no text
        ] {
            assert!(payload(&message(blocks)).is_err(), "{blocks:?}");
        }
    }
}
