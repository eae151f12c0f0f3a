//! `Upload-Checksum`: the sum of the bytes of one request.

use base64::Engine;
use fanone_base::InvalidField;
use fanone_media::Checksum;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::metadata::BASE64;

const HEADER: &str = "Upload-Checksum";

/// The algorithms, as `Tus-Checksum-Algorithm` lists them.
pub(super) const ALGORITHMS: &str = "sha1,sha256";

struct Sum<D> {
    hasher: D,
    expected: Vec<u8>,
}

impl<D: Digest + Default + Send> Checksum for Sum<D> {
    fn update(&mut self, chunk: &[u8]) {
        self.hasher.update(chunk);
    }

    fn fits(&mut self) -> bool {
        std::mem::take(&mut self.hasher).finalize().as_slice() == self.expected
    }
}

/// Reads the header: an algorithm and a sum in Base64.
pub(super) fn parse(header: &str) -> Result<Box<dyn Checksum>, InvalidField> {
    let (algorithm, encoded) = header.trim().split_once(' ').unwrap_or((header, ""));
    let Ok(expected) = BASE64.decode(encoded.trim()) else {
        return Err(InvalidField::new(HEADER, "must be an algorithm and a sum in Base64"));
    };
    match algorithm {
        "sha1" => sum::<Sha1>(expected),
        "sha256" => sum::<Sha256>(expected),
        _ => Err(InvalidField::new(HEADER, format!("has an unknown algorithm; known: {ALGORITHMS}"))),
    }
}

fn sum<D: Digest + Default + Send + 'static>(expected: Vec<u8>) -> Result<Box<dyn Checksum>, InvalidField> {
    let length = <D as Digest>::output_size();
    if expected.len() != length {
        return Err(InvalidField::new(HEADER, format!("must have a sum of {length} bytes")));
    }
    Ok(Box::new(Sum { hasher: D::default(), expected }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(header: &str, pieces: &[&str]) -> bool {
        let mut checksum = parse(header).unwrap();
        pieces.iter().for_each(|piece| checksum.update(piece.as_bytes()));
        checksum.fits()
    }

    #[test]
    fn the_sum_is_that_of_all_pieces() {
        assert!(fits("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", &["hello ", "world"]));
        assert!(fits("sha256 uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=", &["hello", " world"]));
        assert!(!fits("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", &["hello", "world"]));
    }

    #[test]
    fn what_can_not_be_checked_is_refused() {
        for header in ["", "sha1", "sha1 !", "sha1 AAAA", "crc32 AAAA", "SHA1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="] {
            let error = parse(header).err().unwrap();
            assert_eq!(error.field, HEADER, "{header}");
        }
    }
}
