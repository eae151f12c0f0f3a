//! Looks inside a stored video: a file may begin like one and hold nothing to see.

use std::ops::Range;

use futures::TryStreamExt;

use crate::{Key, MediaError, MediaStore, VideoKind};

/// The most boxes looked at in a file: a fragmented video of some hours has a few thousand.
const BOXES_MAX: usize = 20_000;
/// Tracks looked at.
const TRACKS_MAX: usize = 64;

/// Whether the object holds a video track. MP4 and MOV are asked for theirs; of the other containers, whose
/// tracks can't be told without decoding, the header is believed.
///
/// # Errors
/// Faults of the store.
pub async fn holds_video(store: &MediaStore, key: &Key, kind: VideoKind) -> Result<bool, MediaError> {
    if !matches!(kind, VideoKind::Mp4 | VideoKind::Mov) {
        return Ok(true);
    }
    let mut file = File { store, key, boxes_left: BOXES_MAX };
    let size = store.head(key).await?.size;
    let Some(movie) = file.boxes(0..size, b"moov", 1).await?.pop() else { return Ok(false) };
    for track in file.boxes(movie, b"trak", TRACKS_MAX).await? {
        let Some(media) = file.boxes(track, b"mdia", 1).await?.pop() else { continue };
        let Some(handler) = file.boxes(media, b"hdlr", 1).await?.pop() else { continue };
        // Version and flags, a reserved word, then what the track is for.
        if file.bytes::<12>(handler).await?.is_some_and(|head| head.ends_with(b"vide")) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// An MP4 file: a tree of boxes, each of them a length, a name, and its content.
struct File<'a> {
    store: &'a MediaStore,
    key: &'a Key,
    /// Each costs a read or two, and a small file can hold millions.
    boxes_left: usize,
}

impl File<'_> {
    /// The content of the boxes of one name, at most `limit`, among those that fill `range`.
    async fn boxes(
        &mut self,
        range: Range<u64>,
        name: &[u8; 4],
        limit: usize,
    ) -> Result<Vec<Range<u64>>, MediaError> {
        let mut found = Vec::new();
        let mut start = range.start;
        while self.boxes_left > 0 {
            self.boxes_left -= 1;
            let Some(header) = self.bytes::<8>(start..range.end).await? else { break };
            let [a, b, c, d, header_name @ ..] = header;
            let (content, end) = match u32::from_be_bytes([a, b, c, d]) {
                0 => (start + 8, range.end),
                1 => match self.bytes::<8>(start + 8..range.end).await? {
                    Some(length) => (start + 16, start.saturating_add(u64::from_be_bytes(length))),
                    None => break,
                },
                length => (start + 8, start + u64::from(length)),
            };
            if end < content || end > range.end {
                break; // cut off, or no box at all
            }
            if header_name == *name {
                found.push(content..end);
                if found.len() == limit {
                    break;
                }
            }
            start = end;
        }
        Ok(found)
    }

    /// The first `N` bytes of a range, `None` when it is shorter.
    async fn bytes<const N: usize>(&self, range: Range<u64>) -> Result<Option<[u8; N]>, MediaError> {
        let end = range.start.saturating_add(N as u64);
        if end > range.end {
            return Ok(None);
        }
        let chunks: Vec<_> = self.store.read(self.key, range.start..end).await?.try_collect().await?;
        Ok(chunks.concat().try_into().ok())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use object_store::memory::InMemory;

    use super::*;

    fn boxed(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
        [&(content.len() as u32 + 8).to_be_bytes()[..], name, content].concat()
    }

    fn track(handler: &[u8; 4]) -> Vec<u8> {
        let handler = boxed(b"hdlr", &[&[0; 8][..], handler, &[0; 12]].concat());
        let media = boxed(b"mdia", &[boxed(b"mdhd", &[0; 24]), handler].concat());
        boxed(b"trak", &[boxed(b"tkhd", &[0; 84]), media].concat())
    }

    async fn holds(file: Vec<u8>) -> bool {
        let store = MediaStore::over(Arc::new(InMemory::new()));
        let key: Key = "videos/a.mp4".parse().unwrap();
        store.put(&key, file.into()).await.unwrap();
        holds_video(&store, &key, VideoKind::Mp4).await.unwrap()
    }

    #[tokio::test]
    async fn a_video_track_is_found_before_or_after_the_data() {
        let movie = boxed(b"moov", &[boxed(b"mvhd", &[0; 100]), track(b"soun"), track(b"vide")].concat());
        let data = boxed(b"mdat", &[7; 5000]);
        assert!(holds([boxed(b"ftyp", b"isom"), movie.clone(), data.clone()].concat()).await);
        assert!(holds([boxed(b"ftyp", b"isom"), data, movie.clone()].concat()).await);
        let long_data = [&[0, 0, 0, 1][..], b"mdat", &20u64.to_be_bytes(), b"data"].concat();
        assert!(holds([long_data, movie].concat()).await);
    }

    #[tokio::test]
    async fn sound_alone_a_bare_header_and_rubbish_hold_no_video() {
        assert!(!holds(boxed(b"moov", &track(b"soun"))).await);
        assert!(!holds(boxed(b"ftyp", b"isom\0\0\0\0")).await);
        assert!(!holds([boxed(b"ftyp", b"isom"), b"not boxes, just some text".to_vec()].concat()).await);
        let cut_off = boxed(b"moov", &track(b"vide"));
        assert!(!holds(cut_off[..cut_off.len() - 30].to_vec()).await);
        assert!(!holds(b"\0\0\0\x01mdat\xff\xff\xff\xff\xff\xff\xff\xff".to_vec()).await);
        assert!(!holds([0; 400].to_vec()).await);
        assert!(!holds(b"\0\0\0\x02abcd\0\0\0\x02abcd".to_vec()).await);
    }

    #[tokio::test]
    async fn a_file_of_nothing_but_boxes_is_not_looked_through() {
        let crowd = boxed(b"trak", &boxed(b"free", b"").repeat(BOXES_MAX / 2));
        assert!(holds(boxed(b"moov", &[crowd.clone(), track(b"vide")].concat())).await);
        assert!(!holds(boxed(b"moov", &[crowd.repeat(3), track(b"vide")].concat())).await);
    }
}
