//! Video files for tests: the clips that ship with the repository, made as long as a test needs.

use std::fs;

use bytes::Bytes;
use futures::{StreamExt as _, stream};

/// The size of a box's head in an MP4 file.
const BOX_HEAD: u64 = 8;
const PIECE: usize = 256 * 1024;

/// Clip `number` (from 1) of `assets/clips`.
pub fn clip(number: u32) -> Vec<u8> {
    let path = crate::repository(&format!("assets/clips/{number:02}.mp4"));
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The first clip made `length` bytes long by a free box, which players skip. It repeats no block,
/// so a piece stored at the wrong place shows.
pub fn padded(length: u64) -> Vec<u8> {
    let mut file = head(length);
    let missing = usize::try_from(length).expect("fits into memory") - file.len();
    file.extend((0..missing).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8));
    file
}

/// As [`padded`], made while it is read: for lengths that don't belong into memory.
pub fn padded_stream(length: u64) -> reqwest::Body {
    let head = Bytes::from(head(length));
    let missing = length - head.len() as u64;
    let piece = Bytes::from(vec![0x5a; PIECE]);
    let pieces = stream::iter(0..missing.div_ceil(PIECE as u64)).map(move |number| {
        let left = missing - number * PIECE as u64;
        piece.slice(..PIECE.min(usize::try_from(left).unwrap_or(PIECE)))
    });
    reqwest::Body::wrap_stream(stream::once(async { head }).chain(pieces).map(Ok::<_, std::io::Error>))
}

/// The first clip and the head of the free box that fills the file up to `length`.
fn head(length: u64) -> Vec<u8> {
    let mut file = clip(1);
    let size = length.checked_sub(file.len() as u64).filter(|size| *size >= BOX_HEAD);
    let size = size.expect("longer than the clip itself");
    file.extend(u32::try_from(size).expect("at most 4 GiB").to_be_bytes());
    file.extend(b"free");
    file
}
