//! The built-in picture descriptor: a unit vector from a picture, without learned weights and without a download.
//!
//! It puts three classic global descriptors side by side, each at unit length times its weight:
//!
//! - **Luma layout** (143 numbers): the low frequencies of the cosine transform of a 64 × 64 grey picture, as in
//!   perceptual hashes, without the constant term. Scaling and compression leave low frequencies alone; dropping
//!   the constant and dividing by the length takes out brightness and contrast; a small crop turns the phase of a
//!   low frequency only a little.
//! - **Gradient orientations** (128 numbers): 8 directions in 4 × 4 cells, as in HOG and GIST, with soft borders.
//!   They tell textures and shapes apart whose light is spread alike.
//! - **Colour layout** (72 numbers): the two chroma planes in 6 × 6 cells. Pictures of the same composition in
//!   other colours differ; brightness moves chroma hardly at all.
//!
//! Two last numbers hold the mean brightness with a weight so small that they decide only between plain surfaces;
//! they also keep a wholly grey picture from being a zero vector.
//!
//! The choice was between this and a block hash (less exact under cropping), colour histograms (blind to layout)
//! and a learned network (a download, hundreds of times the work). `recognition.rs` measures it.

use std::f32::consts::PI;

use image::{DynamicImage, GenericImageView, imageops};

/// The name of this descriptor and its version: a change of the vectors changes the name.
pub const NAME: &str = "builtin-1";

/// How many numbers a vector has.
pub const DIMENSION: usize =
    FREQUENCIES * FREQUENCIES - 1 + CELLS * CELLS * DIRECTIONS + 2 * TILES * TILES + 2;

/// Side of the small picture that everything is computed from, in pixels.
const SIDE: usize = 64;
const FREQUENCIES: usize = 12;
const CELLS: usize = 4;
const DIRECTIONS: usize = 8;
const TILES: usize = 6;

/// The weights of the parts; their relation was chosen by the test in `recognition.rs`.
const LUMA_WEIGHT: f32 = 1.0;
const GRADIENT_WEIGHT: f32 = 0.8;
const CHROMA_WEIGHT: f32 = 0.7;
const BRIGHTNESS_WEIGHT: f32 = 0.05;

/// Below these lengths a part is noise of the compression: it fades out instead of being blown up.
const LUMA_FLOOR: f32 = 0.01;
const GRADIENT_FLOOR: f32 = 0.05;
const CHROMA_FLOOR: f32 = 0.3;

/// A plane of `SIDE` × `SIDE` numbers, row by row.
type Plane = Vec<f32>;

/// The unit vector of a picture. It computes for a few milliseconds; [`crate::Model::embed`] does it aside.
pub fn describe(picture: &DynamicImage) -> Vec<f32> {
    let (luma, blue, red) = planes(picture);
    let brightness = mean(&luma) * PI / 2.0;
    let mut vector = Vec::with_capacity(DIMENSION);
    vector.extend(weighted(layout(&luma), LUMA_WEIGHT, LUMA_FLOOR));
    vector.extend(weighted(orientations(&luma), GRADIENT_WEIGHT, GRADIENT_FLOOR));
    vector.extend(weighted([tiles(&blue), tiles(&red)].concat(), CHROMA_WEIGHT, CHROMA_FLOOR));
    vector.extend([brightness.cos() * BRIGHTNESS_WEIGHT, brightness.sin() * BRIGHTNESS_WEIGHT]);
    let length = length(&vector);
    vector.iter_mut().for_each(|number| *number /= length);
    vector
}

/// Luma (0 to 1) and the two chroma planes (-0.5 to 0.5) of the small picture; what is transparent is white.
fn planes(picture: &DynamicImage) -> (Plane, Plane, Plane) {
    let side = SIDE as u32;
    let (width, height) = picture.dimensions();
    let small = if width.min(height) >= side {
        picture.thumbnail_exact(side, side)
    } else {
        picture.resize_exact(side, side, imageops::FilterType::Triangle)
    };
    let (mut luma, mut blue, mut red) = (Plane::new(), Plane::new(), Plane::new());
    for pixel in small.to_rgba32f().pixels() {
        let [r, g, b, alpha] = pixel.0;
        let over_white = |channel: f32| channel * alpha + 1.0 - alpha;
        let (r, g, b) = (over_white(r), over_white(g), over_white(b));
        let y = 0.299 * r + 0.587 * g + 0.114 * b;
        luma.push(y);
        blue.push(0.564 * (b - y));
        red.push(0.713 * (r - y));
    }
    (luma, blue, red)
}

/// The lowest frequencies of the cosine transform, without the constant one, by way of the rows.
fn layout(luma: &[f32]) -> Vec<f32> {
    let waves = waves();
    let project = |row: &[f32]| -> Vec<f32> {
        waves.iter().map(|wave| wave.iter().zip(row).map(|(a, b)| a * b).sum()).collect()
    };
    let rows: Vec<Vec<f32>> = luma.chunks_exact(SIDE).map(project).collect();
    let mut numbers = Vec::with_capacity(FREQUENCIES * FREQUENCIES);
    for horizontal in 0..FREQUENCIES {
        let column: Vec<f32> = rows.iter().filter_map(|row| row.get(horizontal).copied()).collect();
        numbers.extend(project(&column));
    }
    numbers.remove(0);
    numbers
}

/// The cosine waves that the transform multiplies with, lowest first.
fn waves() -> Vec<Vec<f32>> {
    let wave = |frequency: usize| {
        let scale = if frequency == 0 { 1.0 } else { 2f32.sqrt() } / SIDE as f32;
        let step = PI * frequency as f32 / SIDE as f32;
        (0..SIDE).map(|place| scale * (step * (place as f32 + 0.5)).cos()).collect()
    };
    (0..FREQUENCIES).map(wave).collect()
}

/// How much the brightness changes in each direction in each cell. A slope counts for the two nearest
/// directions and the four nearest cells in shares, so that a small shift moves a little and never everything.
fn orientations(luma: &[f32]) -> Vec<f32> {
    let mut numbers = vec![0.0f32; CELLS * CELLS * DIRECTIONS];
    let at = |x: usize, y: usize| luma.get(y * SIDE + x).copied().unwrap_or_default();
    for (x, y) in (1..SIDE - 1).flat_map(|y| (1..SIDE - 1).map(move |x| (x, y))) {
        let (right, down) = (at(x + 1, y) - at(x - 1, y), at(x, y + 1) - at(x, y - 1));
        let strength = right.hypot(down);
        let direction = (down.atan2(right) / (2.0 * PI) + 1.0) * DIRECTIONS as f32;
        for (cell, cell_share) in cell_shares(x, y, CELLS) {
            for (turn, turn_share) in shares(direction) {
                let turn = turn.rem_euclid(DIRECTIONS as i32) as usize;
                if let Some(number) = numbers.get_mut(cell * DIRECTIONS + turn) {
                    *number += strength * cell_share * turn_share;
                }
            }
        }
    }
    // Strong edges would drown the rest: the root evens them out, as in RootSIFT.
    let pixels = (SIDE * SIDE) as f32;
    numbers.iter_mut().for_each(|number| *number = (*number / pixels).sqrt());
    numbers
}

/// The mean of the plane in `TILES` × `TILES` tiles, by pixels in shares.
fn tiles(plane: &[f32]) -> Vec<f32> {
    let mut sums = vec![(0.0f32, 0.0f32); TILES * TILES];
    for (index, number) in plane.iter().enumerate() {
        for (tile, share) in cell_shares(index % SIDE, index / SIDE, TILES) {
            if let Some((sum, weight)) = sums.get_mut(tile) {
                *sum += number * share;
                *weight += share;
            }
        }
    }
    sums.into_iter().map(|(sum, weight)| sum / weight.max(f32::EPSILON)).collect()
}

/// The four cells nearest to a pixel, of `cells` × `cells` in the picture, each with its share of the pixel.
fn cell_shares(x: usize, y: usize, cells: usize) -> [(usize, f32); 4] {
    let place = |pixel: usize| (pixel as f32 + 0.5) * cells as f32 / SIDE as f32 - 0.5;
    let inside = |cell: i32| cell.clamp(0, cells as i32 - 1) as usize;
    let ([left, right], [above, below]) = (shares(place(x)), shares(place(y)));
    [(left, above), (right, above), (left, below), (right, below)].map(
        |((column, column_share), (row, row_share))| {
            (inside(row) * cells + inside(column), row_share * column_share)
        },
    )
}

/// The whole numbers below and above a place, each with its share of it.
fn shares(place: f32) -> [(i32, f32); 2] {
    let below = place.floor();
    let above_share = place - below;
    [(below as i32, 1.0 - above_share), (below as i32 + 1, above_share)]
}

/// The part at length `weight`, less where it is hardly longer than `floor`.
fn weighted(mut part: Vec<f32>, weight: f32, floor: f32) -> Vec<f32> {
    let scale = weight / length(&part).hypot(floor);
    part.iter_mut().for_each(|number| *number *= scale);
    part
}

fn length(numbers: &[f32]) -> f32 {
    numbers.iter().map(|number| number * number).sum::<f32>().sqrt()
}

fn mean(numbers: &[f32]) -> f32 {
    numbers.iter().sum::<f32>() / numbers.len().max(1) as f32
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;

    fn similarity(a: &DynamicImage, b: &DynamicImage) -> f32 {
        describe(a).iter().zip(describe(b)).map(|(x, y)| x * y).sum()
    }

    fn surface(color: [u8; 3]) -> DynamicImage {
        RgbImage::from_pixel(80, 60, Rgb(color)).into()
    }

    #[test]
    fn the_same_picture_gives_the_same_vector() {
        let picture: DynamicImage = RgbImage::from_fn(97, 61, |x, y| Rgb([x as u8, y as u8, 9])).into();
        assert_eq!(describe(&picture), describe(&picture));
        assert_eq!(describe(&picture).len(), DIMENSION);
    }

    #[test]
    fn plain_surfaces_differ_by_colour_and_by_brightness() {
        let red = surface([200, 30, 30]);
        assert!(similarity(&red, &surface([210, 40, 35])) > 0.99);
        assert!(similarity(&red, &surface([30, 30, 200])) < 0.5);
        assert!(similarity(&surface([0; 3]), &surface([255; 3])) < 0.5);
    }

    #[test]
    fn a_transparent_picture_is_described_as_on_white() {
        assert!(similarity(&DynamicImage::new_rgba8(70, 70), &surface([255; 3])) > 0.99);
    }
}
