//! Avatars: a symmetric pattern of squares in one colour, different for each number.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};

/// Squares on a side.
const SQUARES: u32 = 7;
/// Pixels on a side of a square.
const PIXELS: u32 = 32;

/// A PNG picture drawn from the bits of `number`.
pub(crate) fn draw(number: u64) -> anyhow::Result<Vec<u8>> {
    let channel = |shift: u32| 60 + ((number >> shift) & 0x7f) as u8;
    let (ink, paper) = (Rgb([channel(40), channel(47), channel(54)]), Rgb([244, 245, 240]));
    let picture = RgbImage::from_fn(SQUARES * PIXELS, SQUARES * PIXELS, |x, y| {
        let (column, row) = (x / PIXELS, y / PIXELS);
        let mirrored = column.min(SQUARES - 1 - column);
        let bit = row * SQUARES.div_ceil(2) + mirrored;
        if (number >> bit) & 1 == 1 { ink } else { paper }
    });
    let mut png = Cursor::new(Vec::new());
    picture.write_to(&mut png, ImageFormat::Png)?;
    Ok(png.into_inner())
}
