//! Bytes that wait until there are enough of them.

use bytes::{Bytes, BytesMut};

/// Smaller pieces are copied together: kept one by one, a byte takes as much memory as fifty.
const SMALL_BYTES: usize = 4096;
/// What small pieces are put together to.
const JOINED_BYTES: usize = 64 * 1024;

/// Pieces in their order, which take little more memory than their bytes however small they come.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    whole: Vec<Bytes>,
    small: BytesMut,
    bytes: usize,
}

impl Pieces {
    /// How many bytes there are.
    pub(crate) fn len(&self) -> usize {
        self.bytes
    }

    pub(crate) fn push(&mut self, piece: Bytes) {
        self.bytes += piece.len();
        if piece.len() < SMALL_BYTES {
            self.small.extend_from_slice(&piece);
            if self.small.len() >= JOINED_BYTES {
                self.join();
            }
        } else {
            self.join();
            self.whole.push(piece);
        }
    }

    /// All of them; none are left.
    pub(crate) fn take(&mut self) -> Vec<Bytes> {
        self.join();
        self.bytes = 0;
        std::mem::take(&mut self.whole)
    }

    fn join(&mut self) {
        if !self.small.is_empty() {
            self.whole.push(std::mem::take(&mut self.small).freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_keep_their_order_and_single_ones_are_joined() {
        let mut pieces = Pieces::default();
        let mut expected = Vec::new();
        for round in 0..100_000_u32 {
            let length = if round % 10_000 == 5000 { SMALL_BYTES } else { 1 };
            let piece = vec![round.to_le_bytes()[0]; length];
            expected.extend_from_slice(&piece);
            pieces.push(piece.into());
        }
        assert_eq!(pieces.len(), expected.len());
        let taken = pieces.take();
        assert!(taken.len() < 30, "{}", taken.len());
        assert_eq!(taken.concat(), expected);
        assert_eq!((pieces.len(), pieces.take()), (0, Vec::new()));
    }
}
