//! Pictures made for tests: each number gives another one, always the same.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

/// A picture of coloured boxes over a slope of colours.
pub fn picture(number: u64) -> RgbImage {
    const SIDE: u32 = 160;
    let mut rng = StdRng::seed_from_u64(number);
    let (from, to): ([u8; 3], [u8; 3]) = (rng.random(), rng.random());
    let mix = |a: u8, b: u8, at: u32| ((u32::from(a) * (SIDE - at) + u32::from(b) * at) / SIDE) as u8;
    let mut picture = RgbImage::from_fn(SIDE, SIDE, |x, y| {
        let [r, g, b] = from;
        let [to_r, to_g, to_b] = to;
        Rgb([mix(r, to_r, x), mix(g, to_g, y), mix(b, to_b, (x + y) / 2)])
    });
    for _ in 0..6 {
        let colour = Rgb(rng.random());
        let (left, top) = (rng.random_range(0..SIDE - 40), rng.random_range(0..SIDE - 40));
        let (width, height) = (rng.random_range(10..40), rng.random_range(10..40));
        for (x, y) in (left..left + width).flat_map(|x| (top..top + height).map(move |y| (x, y))) {
            picture.put_pixel(x, y, colour);
        }
    }
    picture
}

/// [`picture`] as a PNG file.
pub fn png(number: u64) -> Vec<u8> {
    encode(number, ImageFormat::Png)
}

/// [`picture`] as a JPEG file.
pub fn jpeg(number: u64) -> Vec<u8> {
    encode(number, ImageFormat::Jpeg)
}

/// [`picture`] in any format that the site knows.
pub fn encode(number: u64, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture(number).write_to(&mut file, format).expect("write a picture to memory");
    file.into_inner()
}

/// A PNG file that is well formed up to its header, which claims `side` pixels a side: the
/// decompression bomb is in what a reader would set aside for it.
pub fn bomb(side: u32) -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend(side.to_be_bytes());
    header.extend(side.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut file, &header);
    // An empty zlib stream: no pixel at all.
    chunk(&mut file, b"IDAT\x78\x9c\x03\x00\x00\x00\x00\x01");
    chunk(&mut file, b"IEND");
    file
}

/// Appends a PNG chunk; `typed` is its type and data.
fn chunk(file: &mut Vec<u8>, typed: &[u8]) {
    let length = u32::try_from(typed.len() - 4).expect("a small chunk");
    file.extend(length.to_be_bytes());
    file.extend(typed);
    file.extend(crc32(typed).to_be_bytes());
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_always_gives_the_same_picture() {
        assert_eq!(png(1), png(1));
        assert_ne!(png(1), png(2));
    }

    #[test]
    fn a_bomb_has_a_header_that_readers_believe() {
        let reader = image::ImageReader::with_format(Cursor::new(bomb(60_000)), ImageFormat::Png);
        assert_eq!(reader.into_dimensions().unwrap(), (60_000, 60_000));
    }
}
