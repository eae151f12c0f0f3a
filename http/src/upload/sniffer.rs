//! Watches the first bytes of a file go by, and stops what is no video.

use fanone_base::{Code, Failure};
use fanone_media::{SNIFF_BYTES, VideoKind, video_kind};

/// The file is none of our videos.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a video")]
pub(crate) struct NotAVideo;

impl Failure for NotAVideo {
    fn code(&self) -> Code {
        Code::NotAVideo
    }
}

/// Decides as soon as enough bytes have come.
pub(crate) struct Sniffer {
    head: Vec<u8>,
    /// How many bytes decide: a short file is judged by all it has.
    enough: usize,
    kind: Option<VideoKind>,
}

impl Sniffer {
    /// For a file of `length` bytes (the most there can be, if that is not known) that begins with `head`.
    pub(crate) fn new(head: Vec<u8>, length: u64) -> Self {
        let enough = usize::try_from(length).unwrap_or(usize::MAX).min(SNIFF_BYTES);
        Self { head, enough, kind: None }
    }

    /// Looks at the bytes that come next. The kind, once it is known.
    pub(crate) fn watch(&mut self, bytes: &[u8]) -> Result<Option<VideoKind>, NotAVideo> {
        if self.kind.is_none() {
            let missing = self.enough.saturating_sub(self.head.len());
            self.head.extend_from_slice(bytes.get(..missing).unwrap_or(bytes));
            if self.head.len() >= self.enough {
                self.kind = Some(self.end()?);
            }
        }
        Ok(self.kind)
    }

    /// The kind of a file that has no more bytes.
    pub(crate) fn end(&self) -> Result<VideoKind, NotAVideo> {
        self.kind.or_else(|| video_kind(&self.head)).ok_or(NotAVideo)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEBM: &[u8] = &[0x1a, 0x45, 0xdf, 0xa3, 0x87, 0x42, 0x82, 0x84, b'w', b'e', b'b', b'm'];

    #[test]
    fn a_video_goes_through_however_it_is_cut() {
        let file = [WEBM, &[0; 10_000]].concat();
        for size in [1, 7, 4095, 4096, 4097, 20_000] {
            let mut sniffer = Sniffer::new(Vec::new(), u64::MAX);
            for (number, piece) in file.chunks(size).enumerate() {
                let decided = (number + 1) * size >= SNIFF_BYTES;
                assert_eq!(sniffer.watch(piece), Ok(decided.then_some(VideoKind::WebM)), "{size}");
            }
            assert_eq!(sniffer.end(), Ok(VideoKind::WebM));
        }
    }

    #[test]
    fn another_file_is_stopped_by_the_first_bytes() {
        let mut sniffer = Sniffer::new(Vec::new(), u64::MAX);
        assert_eq!(sniffer.watch(&[b'x'; 4095]), Ok(None));
        assert_eq!(sniffer.watch(b"x"), Err(NotAVideo));
    }

    #[test]
    fn a_short_file_is_judged_by_all_it_has() {
        assert_eq!(Sniffer::new(Vec::new(), 4).watch(b"text"), Err(NotAVideo));
        assert_eq!(Sniffer::new(WEBM[..5].to_vec(), 12).watch(&WEBM[5..]), Ok(Some(VideoKind::WebM)));
        assert_eq!(Sniffer::new(Vec::new(), 0).end(), Err(NotAVideo));
    }
}
