//! Decodes pictures from outside within limits: on bytes, on size, on memory, on how many at a time.
//!
//! The dimensions in the header are checked before a single pixel is decoded, so a small file that would unpack to
//! gigabytes costs nothing.

use std::io::Cursor;

use bytes::Bytes;
use fanone_base::{Code, Failure};
use image::error::LimitErrorKind;
use image::{DynamicImage, GenericImageView, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use tokio::sync::Semaphore;

use crate::{PictureKind, picture_kind};

/// The most memory that one picture may take while it is decoded: 8192 × 8192 pixels in 8-bit RGBA and something.
const MEMORY_BYTES_MAX: u64 = 320 * 1024 * 1024;
/// How many pictures are decoded at a time.
const DECODERS: usize = 2;
/// Longest side of what [`open`] keeps of a picture, in pixels.
const PREVIEW_SIDE: u32 = 512;

static DECODING: Semaphore = Semaphore::const_new(DECODERS);

/// How large a picture may be.
#[derive(Clone, Copy, Debug)]
pub struct PictureLimits {
    /// Longest file.
    pub bytes_max: usize,
    /// Longest side, in pixels.
    pub side_max: u32,
}

/// Why a picture was refused. The messages may be shown to users.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The file is longer than allowed.
    #[error("the picture has more than {0} bytes")]
    TooManyBytes(usize),
    /// A side is longer than allowed, or decoding would take too much memory.
    #[error("the picture has more than {0} pixels on a side, or takes too much memory")]
    TooLarge(u32),
    /// The content is none of the accepted kinds.
    #[error("not a JPEG, PNG, WebP or GIF picture")]
    NotAPicture,
    /// The content begins like a picture, but can't be decoded.
    #[error("the picture is broken")]
    Broken(#[source] ImageError),
    /// A decoder thread broke off: such a picture is as good as broken.
    #[error("the picture can't be decoded")]
    Worker(#[from] tokio::task::JoinError),
    /// The decoders were shut down.
    #[error("the picture can't be decoded now")]
    Closed(#[from] tokio::sync::AcquireError),
}

impl Failure for PictureError {
    fn code(&self) -> Code {
        match self {
            PictureError::TooManyBytes(_) | PictureError::TooLarge(_) => Code::Parameter,
            PictureError::NotAPicture | PictureError::Broken(_) | PictureError::Worker(_) => {
                Code::NotAPicture
            }
            PictureError::Closed(_) => Code::Internal,
        }
    }

    fn public_message(&self) -> String {
        match self {
            PictureError::TooManyBytes(_) | PictureError::TooLarge(_) => self.to_string(),
            _ => self.code().message().to_owned(),
        }
    }
}

/// A picture that was decoded once, so that it is known to be one.
#[derive(Debug)]
pub struct Picture {
    /// What it is by its content.
    pub kind: PictureKind,
    /// Its pixels, upright, scaled down to at most 512 a side: enough for a descriptor or a thumbnail.
    pub preview: DynamicImage,
}

/// Decodes a picture on a worker thread, few at a time, and keeps a small version of it.
///
/// # Errors
/// [`PictureError`].
pub async fn open(bytes: Bytes, limits: PictureLimits) -> Result<Picture, PictureError> {
    let permit = DECODING.acquire().await?;
    let work = move || {
        let (kind, whole) = decode(&bytes, limits)?;
        let (width, height) = whole.dimensions();
        let small = width.max(height) <= PREVIEW_SIDE;
        let preview = if small { whole } else { whole.thumbnail(PREVIEW_SIDE, PREVIEW_SIDE) };
        drop(permit); // only here: the memory is in use until now, even if nobody waits any more
        Ok(Picture { kind, preview })
    };
    tokio::task::spawn_blocking(work).await?
}

/// Decodes a picture (of a moving one the first frame) and turns it upright. It computes: run it on a worker.
///
/// # Errors
/// [`PictureError`].
pub fn decode(bytes: &[u8], limits: PictureLimits) -> Result<(PictureKind, DynamicImage), PictureError> {
    if bytes.len() > limits.bytes_max {
        return Err(PictureError::TooManyBytes(limits.bytes_max));
    }
    let kind = picture_kind(bytes).ok_or(PictureError::NotAPicture)?;
    let format = match kind {
        PictureKind::Jpeg => ImageFormat::Jpeg,
        PictureKind::Png => ImageFormat::Png,
        PictureKind::WebP => ImageFormat::WebP,
        PictureKind::Gif => ImageFormat::Gif,
    };
    let refusal = |error| match error {
        ImageError::Limits(limit) if !matches!(limit.kind(), LimitErrorKind::Unsupported { .. }) => {
            PictureError::TooLarge(limits.side_max)
        }
        error => PictureError::Broken(error),
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut decoder_limits = Limits::default();
    decoder_limits.max_image_width = Some(limits.side_max);
    decoder_limits.max_image_height = Some(limits.side_max);
    decoder_limits.max_alloc = Some(MEMORY_BYTES_MAX);
    reader.limits(decoder_limits);
    let mut decoder = reader.into_decoder().map_err(refusal)?;
    let (width, height) = decoder.dimensions();
    // Not every decoder keeps to the limits it was given.
    if width.max(height) > limits.side_max || decoder.total_bytes() > MEMORY_BYTES_MAX {
        return Err(PictureError::TooLarge(limits.side_max));
    }
    let orientation = decoder.orientation().map_err(refusal)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(refusal)?;
    picture.apply_orientation(orientation);
    Ok((kind, picture))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: PictureLimits = PictureLimits { bytes_max: 5 << 20, side_max: 8192 };

    fn encoded(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        DynamicImage::new_rgb8(width, height).write_to(&mut file, format).unwrap();
        file.into_inner()
    }

    /// A PNG whose header claims a size that its content does not have.
    fn claiming(width: u32, height: u32) -> Vec<u8> {
        let mut file = encoded(1, 1, ImageFormat::Png);
        file[16..20].copy_from_slice(&width.to_be_bytes());
        file[20..24].copy_from_slice(&height.to_be_bytes());
        let checksum = crc32(&file[12..29]);
        file[29..33].copy_from_slice(&checksum.to_be_bytes());
        file
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0u32, |crc, byte| {
            (0..8)
                .fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
        })
    }

    #[tokio::test]
    async fn every_kind_is_decoded_whatever_its_name_was() {
        let kinds = [
            (ImageFormat::Jpeg, PictureKind::Jpeg),
            (ImageFormat::Png, PictureKind::Png),
            (ImageFormat::WebP, PictureKind::WebP),
            (ImageFormat::Gif, PictureKind::Gif),
        ];
        for (format, kind) in kinds {
            let picture = open(encoded(1030, 20, format).into(), LIMITS).await.unwrap();
            assert_eq!(picture.kind, kind);
            assert_eq!(picture.preview.width(), 512);
        }
    }

    #[test]
    fn a_picture_over_a_limit_is_refused() {
        let file = encoded(30, 40, ImageFormat::Png);
        let side_max = |side_max| decode(&file, PictureLimits { side_max, ..LIMITS });
        assert!(matches!(side_max(39), Err(PictureError::TooLarge(39))));
        assert!(side_max(40).is_ok());
        let bytes_max = |bytes_max| decode(&file, PictureLimits { bytes_max, ..LIMITS });
        assert!(matches!(bytes_max(file.len() - 1), Err(PictureError::TooManyBytes(_))));
        assert!(bytes_max(file.len()).is_ok());
    }

    #[test]
    fn a_bomb_is_refused_by_its_header() {
        assert!(matches!(decode(&claiming(60_000, 60_000), LIMITS), Err(PictureError::TooLarge(_))));
        assert!(matches!(decode(&claiming(1, 8193), LIMITS), Err(PictureError::TooLarge(_))));
        let generous = PictureLimits { side_max: 60_000, ..LIMITS };
        assert!(matches!(decode(&claiming(60_000, 60_000), generous), Err(PictureError::TooLarge(_))));
    }

    #[test]
    fn broken_pictures_and_other_files_are_told_apart() {
        let mut half = encoded(300, 300, ImageFormat::Png);
        half.truncate(half.len() / 2);
        assert!(matches!(decode(&half, LIMITS), Err(PictureError::Broken(_))));
        assert!(matches!(decode(b"\xff\xd8\xff\xe0 rubbish", LIMITS), Err(PictureError::Broken(_))));
        for other in [&b""[..], b"text", b"<svg/>", b"BM......"] {
            assert!(matches!(decode(other, LIMITS), Err(PictureError::NotAPicture)));
        }
    }
}
