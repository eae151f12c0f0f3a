//! Draws a cover with nothing but the title on it, for videos from which no frame can be had.

use image::codecs::jpeg::JpegEncoder;
use image::{ImageError, Rgb, RgbImage};
use unifont::{Glyph, get_glyph};

const WIDTH: u32 = 720;
const HEIGHT: u32 = 405;
/// A dot of the font is this many pixels wide and high.
const SCALE: u32 = 4;
const MARGIN: u32 = 40;
const LINE_HEIGHT: u32 = 18 * SCALE;
const LINES_MAX: usize = 4;
const QUALITY: u8 = 85;

/// The title over a gradient whose colours follow from it, as JPEG: the same title gives the same picture.
pub(crate) fn draw(title: &str) -> Result<Vec<u8>, ImageError> {
    let lines = wrap(title);
    let mut card = background(title);
    let top = HEIGHT.saturating_sub(lines.len() as u32 * LINE_HEIGHT) / 2;
    for (number, line) in (0..).zip(&lines) {
        let left = WIDTH.saturating_sub(width(line)) / 2;
        let y = top + number * LINE_HEIGHT;
        write(&mut card, line, left + SCALE / 2, y + SCALE / 2, Rgb([0, 0, 0])); // a shadow, readable on any colour
        write(&mut card, line, left, y, Rgb([255, 255, 255]));
    }
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode_image(&card)?;
    Ok(jpeg)
}

/// A gradient from the upper left to the lower right, between two colours of medium brightness.
fn background(title: &str) -> RgbImage {
    let hash = hash(title);
    let (from, to) = (hue((hash & 0xff) as f32 / 256.0), hue(((hash >> 8) & 0xff) as f32 / 256.0));
    RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let share = (x + y) as f32 / (WIDTH + HEIGHT) as f32;
        let channel = |(from, to): (f32, f32)| (from + (to - from) * share) as u8;
        let ((r1, g1, b1), (r2, g2, b2)) = (from, to);
        Rgb([(r1, r2), (g1, g2), (b1, b2)].map(channel))
    })
}

/// The colour at a place (0 to 1) of the colour circle.
fn hue(turn: f32) -> (f32, f32, f32) {
    let channel = |shift: f32| 110.0 + 70.0 * ((turn + shift) * std::f32::consts::TAU).cos();
    (channel(0.0), channel(2.0 / 3.0), channel(1.0 / 3.0))
}

/// FNV-1a: unlike the standard library's hash, it is the same in every version.
fn hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The glyphs of a line.
type Line = Vec<(char, &'static Glyph)>;

/// The title in lines that fit: broken at spaces where there are any, cut off with an ellipsis.
fn wrap(title: &str) -> Vec<Line> {
    let glyph = |letter: char| Some((letter, get_glyph(letter).or_else(|| get_glyph('\u{fffd}'))?));
    let printable = title.chars().map(|letter| if letter.is_whitespace() { ' ' } else { letter });
    let mut lines = vec![Line::new()];
    for (letter, glyph) in printable.filter(|letter| !letter.is_control()).filter_map(glyph) {
        let Some(line) = lines.last_mut() else { break };
        line.push((letter, glyph));
        if width(line) > WIDTH - 2 * MARGIN {
            let last_space = line.iter().rposition(|(letter, _)| *letter == ' ');
            let next = match last_space {
                Some(space) if space > 0 => line.split_off(space + 1),
                _ => line.split_off(line.len() - 1),
            };
            lines.push(next);
        }
        if lines.len() > LINES_MAX {
            lines.truncate(LINES_MAX);
            if let (Some(line), Some(ellipsis)) = (lines.last_mut(), get_glyph('…')) {
                line.pop();
                line.push(('…', ellipsis));
            }
            break;
        }
    }
    lines
}

fn width(line: &Line) -> u32 {
    line.iter().map(|(_, glyph)| glyph.get_width() as u32 * SCALE).sum()
}

fn write(card: &mut RgbImage, line: &Line, left: u32, top: u32, color: Rgb<u8>) {
    let mut x = left;
    for (_, glyph) in line {
        let glyph_width = glyph.get_width() as u32;
        for (column, row) in (0..16).flat_map(|row| (0..glyph_width).map(move |column| (column, row))) {
            if glyph.get_pixel(column as usize, row as usize) {
                square(card, x + column * SCALE, top + row * SCALE, color);
            }
        }
        x += glyph_width * SCALE;
    }
}

fn square(card: &mut RgbImage, left: u32, top: u32, color: Rgb<u8>) {
    for (x, y) in (0..SCALE).flat_map(|y| (0..SCALE).map(move |x| (left + x, top + y))) {
        if let Some(pixel) = card.get_pixel_mut_checked(x, y) {
            *pixel = color;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(lines: &[Line]) -> Vec<String> {
        lines.iter().map(|line| line.iter().map(|(letter, _)| letter).collect()).collect()
    }

    #[test]
    fn a_card_is_a_picture_that_depends_on_the_title() {
        let card = image::load_from_memory(&draw("夏天的海边").unwrap()).unwrap();
        assert_eq!((card.width(), card.height()), (WIDTH, HEIGHT));
        assert_eq!(draw("one").unwrap(), draw("one").unwrap());
        assert_ne!(draw("one").unwrap(), draw("two").unwrap());
    }

    #[test]
    fn lines_break_at_spaces_and_between_chinese_letters() {
        assert_eq!(text(&wrap("A walk through the old town")), ["A walk through the ", "old town"]);
        assert_eq!(text(&wrap("一二三四五六七八九十一二")), ["一二三四五六七八九十", "一二"]);
        assert_eq!(text(&wrap("line\nbreak\u{7}")), ["line break"]);
    }

    #[test]
    fn a_long_title_is_cut_off() {
        let lines = wrap(&"长".repeat(500));
        assert_eq!(lines.len(), LINES_MAX);
        assert!(text(&lines)[LINES_MAX - 1].ends_with('…'));
    }

    #[test]
    fn any_title_can_be_drawn() {
        for title in ["", " ", "\u{0}\u{1}", "🎬🎥", "\u{10ffff}", &"x".repeat(10_000), "العربية", "e\u{301}"]
        {
            assert!(draw(title).is_ok(), "{title:?}");
        }
    }
}
