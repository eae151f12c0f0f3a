//! Measures the models of this repository: do altered copies find their original first among many pictures?
//!
//! The pictures are generated in eight families over six palettes, so that each has many near relatives:
//! gradients, blobs, shapes, clouds, stripes, landscapes, portraits and pages of text, all with grain. Fine stripes
//! are the hard family: a crop moves their phase, and nearly all of the copies that are lost are theirs.

use std::f32::consts::{PI, TAU};

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, Rgb, RgbImage, imageops::FilterType};

use fanone_config::ModelUrl;

use crate::{
    Index, MemoryIndex, Model, describe,
    model::tests::{local, small},
};

const PICTURES: i64 = 400;
const WIDTH: u32 = 256;
const HEIGHT: u32 = 192;

type Color = [f32; 3];
/// The colour at a place, both from 0 to 1.
type Scene = Box<dyn Fn(f32, f32) -> Color>;

const PALETTES: [[Color; 4]; 6] = [
    [[0.10, 0.14, 0.30], [0.85, 0.45, 0.25], [0.95, 0.80, 0.50], [0.35, 0.20, 0.35]], // dusk
    [[0.10, 0.25, 0.12], [0.35, 0.55, 0.25], [0.75, 0.80, 0.45], [0.30, 0.22, 0.12]], // forest
    [[0.05, 0.20, 0.35], [0.15, 0.50, 0.65], [0.80, 0.90, 0.92], [0.90, 0.80, 0.60]], // sea
    [[0.12, 0.12, 0.13], [0.40, 0.40, 0.42], [0.70, 0.70, 0.69], [0.92, 0.92, 0.90]], // greys
    [[0.25, 0.10, 0.10], [0.60, 0.30, 0.25], [0.85, 0.65, 0.55], [0.95, 0.88, 0.82]], // skin
    [[0.20, 0.05, 0.30], [0.85, 0.15, 0.50], [0.10, 0.75, 0.70], [0.98, 0.90, 0.20]], // neon
];

/// A small generator of random numbers, the same ones on every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1u64 << 24) as f32
    }

    fn between(&mut self, low: f32, high: f32) -> f32 {
        low + self.next() * (high - low)
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[(self.next() * of.len() as f32) as usize]
    }
}

fn mix(a: Color, b: Color, share: f32) -> Color {
    let share = share.clamp(0.0, 1.0);
    [0, 1, 2].map(|channel| a[channel] + (b[channel] - a[channel]) * share)
}

/// Smooth random heights from 0 to 1.
fn cloud(x: f32, y: f32, seed: u32) -> f32 {
    let corner = |x: i32, y: i32| {
        let mixed = (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77) ^ seed;
        let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x2C1B_3C6D);
        ((mixed ^ (mixed >> 12)) & 0xffff) as f32 / 65535.0
    };
    let (left, top) = (x.floor(), y.floor());
    let smooth = |t: f32| t * t * (3.0 - 2.0 * t);
    let (across, down) = (smooth(x - left), smooth(y - top));
    let (left, top) = (left as i32, top as i32);
    let row = |y: i32| corner(left, y) * (1.0 - across) + corner(left + 1, y) * across;
    row(top) * (1.0 - down) + row(top + 1) * down
}

fn scene(number: i64) -> Scene {
    let mut dice = Dice(0x5EED_0000 + number as u64 * 0x9E37_79B9);
    for _ in 0..8 {
        dice.next(); // the first numbers of near seeds are near
    }
    let palette = PALETTES[(number / 8) as usize % PALETTES.len()];
    let [a, b, c] = [(); 3].map(|()| dice.pick(&palette));
    let seed = (dice.next() * 1e6) as u32;
    let [p, q, r, s] = [(); 4].map(|()| dice.next());
    match number % 8 {
        0 => Box::new(move |x, y| {
            let line = (x - 0.5) * (p * TAU).cos() + (y - 0.5) * (p * TAU).sin();
            let circle = (x - q).hypot(y - r) * 1.5;
            mix(mix(a, b, line + 0.5), c, circle * s)
        }),
        1 => {
            let blobs: Vec<[f32; 4]> = (0..5).map(|_| [(); 4].map(|()| dice.next())).collect();
            Box::new(move |x, y| {
                blobs.iter().fold(a, |under, &[left, top, size, tone]| {
                    let distance = (x - left).hypot(y - top) / (0.08 + size * 0.25);
                    mix(under, mix(b, c, tone), (-distance * distance).exp())
                })
            })
        }
        2 => {
            let shapes: Vec<[f32; 5]> = (0..6).map(|_| [(); 5].map(|()| dice.next())).collect();
            Box::new(move |x, y| {
                shapes.iter().fold(mix(a, b, y), |under, &[left, top, size, kind, tone]| {
                    let (dx, dy, size) = ((x - left).abs(), (y - top).abs(), 0.05 + size * 0.2);
                    let inside = match (kind * 3.0) as u8 {
                        0 => dx.hypot(dy) < size,
                        1 => dx < size && dy < size * 0.6,
                        _ => dx + dy < size,
                    };
                    if inside { mix(b, c, tone) } else { under }
                })
            })
        }
        3 => Box::new(move |x, y| {
            let scale = 3.0 + p * 9.0;
            let height =
                [1.0, 2.0, 4.0].map(|octave| cloud(x * scale * octave, y * scale * octave, seed) / octave);
            mix(a, mix(b, c, y), height.iter().sum::<f32>() / 1.75)
        }),
        4 => Box::new(move |x, y| {
            let turn = p * PI;
            let along =
                (x * turn.cos() + y * turn.sin()) * (4.0 + q * 20.0) + cloud(x * 4.0, y * 4.0, seed) * r;
            mix(a, mix(b, c, s), (along * TAU).sin() * 2.0 + 0.5)
        }),
        5 => Box::new(move |x, y| {
            let hills = 0.45 + 0.3 * p + 0.25 * (cloud(x * 4.0 + q, 0.5, seed) - 0.5);
            let sun = 1.0 - ((x - r).hypot(y - 0.25 * s) / 0.15).min(1.0);
            if y < hills {
                mix(mix(a, b, y * 1.6), c, sun)
            } else {
                mix(c, a, cloud(x * 12.0, y * 24.0, seed))
            }
        }),
        6 => Box::new(move |x, y| {
            let (face_x, face_y) = ((x - 0.35 - 0.3 * p) / 0.17, (y - 0.42) / (0.24 + 0.06 * q));
            let body = ((x - 0.35 - 0.3 * p) / (0.3 + 0.1 * r)).hypot((y - 1.05) / 0.35) < 1.0;
            let eye = (face_x.abs() - 0.4).hypot(face_y + 0.15 * s) < 0.13;
            let behind = mix(a, b, cloud(x * 5.0, y * 5.0, seed));
            match (face_x.hypot(face_y) < 1.0, eye, body) {
                (true, true, _) => [0.08, 0.06, 0.06],
                (true, false, _) => mix([0.90, 0.72, 0.60], [0.55, 0.36, 0.26], s),
                (false, _, true) => c,
                _ => behind,
            }
        }),
        _ => Box::new(move |x, y| {
            let (line, word) = ((y * (10.0 + 8.0 * p)) as i32, (x * 14.0) as i32);
            let ink = cloud(word as f32, line as f32, seed) > 0.45 && (y * (10.0 + 8.0 * p)).fract() > 0.45;
            let title = (0.1..0.1 + 0.5 * q).contains(&x) && (0.1..0.22).contains(&y);
            if title {
                c
            } else if ink && y > 0.3 && x < 0.6 + 0.35 * r {
                a
            } else {
                mix(b, [1.0; 3], 0.6)
            }
        }),
    }
}

fn picture(number: i64) -> RgbImage {
    let scene = scene(number);
    let mut grain = Dice(number as u64 + 1);
    RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let color = scene(x as f32 / WIDTH as f32, y as f32 / HEIGHT as f32);
        let noise = grain.between(-0.03, 0.03);
        Rgb(color.map(|channel| ((channel + noise) * 255.0).clamp(0.0, 255.0) as u8))
    })
}

fn resized(picture: &RgbImage, width: u32, height: u32) -> RgbImage {
    image::imageops::resize(picture, width, height, FilterType::Triangle)
}

fn recompressed(picture: &RgbImage) -> RgbImage {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 40).encode_image(picture).unwrap();
    image::load_from_memory(&jpeg).unwrap().into_rgb8()
}

fn brightened(picture: &RgbImage, factor: f32, levels: f32) -> RgbImage {
    let mut brighter = picture.clone();
    for channel in brighter.iter_mut() {
        *channel = (f32::from(*channel) * factor + levels).min(255.0) as u8;
    }
    brighter
}

/// Without this many hundredths of the width and height at the left and top, the right and bottom.
fn cropped(picture: &RgbImage, start: f32, end: f32) -> RgbImage {
    let part = |length: u32, hundredths: f32| (length as f32 * hundredths / 100.0).round() as u32;
    let (left, top) = (part(WIDTH, start), part(HEIGHT, start));
    let (right, bottom) = (part(WIDTH, end), part(HEIGHT, end));
    image::imageops::crop_imm(picture, left, top, WIDTH - left - right, HEIGHT - top - bottom).to_image()
}

type Alteration = (&'static str, f32, fn(&RgbImage) -> RgbImage);

/// What happens to the copies, and how many of a hundred must find their original at least.
const ALTERATIONS: [Alteration; 8] = [
    ("half the size", 95.0, |picture| resized(picture, WIDTH / 2, HEIGHT / 2)),
    ("stretched by a tenth", 95.0, |picture| resized(picture, WIDTH * 11 / 10, HEIGHT)),
    ("JPEG of quality 40", 95.0, recompressed),
    ("15 % brighter", 90.0, |picture| brightened(picture, 1.15, 0.0)),
    ("25 levels brighter", 90.0, |picture| brightened(picture, 1.0, 25.0)),
    ("5 % cut off around the middle", 80.0, |picture| cropped(picture, 2.5, 2.5)),
    ("5 % cut off at one corner", 80.0, |picture| cropped(picture, 5.0, 0.0)),
    ("5 % cut off at every side", 80.0, |picture| cropped(picture, 5.0, 5.0)),
];

fn vector(picture: RgbImage) -> Vec<f32> {
    describe(&DynamicImage::from(picture))
}

#[tokio::test]
async fn altered_copies_find_their_original_first() {
    measure(&local(&ModelUrl::Builtin)).await;
}

/// The network was trained on other pictures (`scripts/make-model`).
#[tokio::test]
async fn altered_copies_find_their_original_first_by_the_small_network_too() {
    measure(&local(&ModelUrl::Onnx(small()))).await;
}

async fn measure(model: &Model) {
    let pictures: Vec<RgbImage> = (0..PICTURES).map(picture).collect();
    let index = MemoryIndex::default();
    let mut originals = Vec::new();
    for (number, picture) in (0..).zip(&pictures) {
        originals.push((number, model.embed(DynamicImage::from(picture.clone())).await.unwrap()));
    }
    index.upsert("m", originals).await.unwrap();
    for (name, least, alter) in ALTERATIONS {
        let mut found = 0;
        let mut lost = vec![0; 8];
        for (number, picture) in (0..).zip(&pictures) {
            let copy = model.embed(DynamicImage::from(alter(picture))).await.unwrap();
            let best = index.search("m", copy, 1).await.unwrap();
            if best[0].0 == number { found += 1 } else { lost[number as usize % 8] += 1 }
        }
        let percent = 100.0 * found as f32 / PICTURES as f32;
        println!("{}, {name}: {percent} % (lost by family: {lost:?})", model.name());
        assert!(percent >= least, "{name}: only {percent} % find their original");
    }
}

/// The pictures must be hard enough: many have a near relative, and none is there twice.
#[test]
fn the_pictures_are_different_but_related() {
    let vectors: Vec<Vec<f32>> = (0..PICTURES).map(|number| vector(picture(number))).collect();
    let cosine = |a: &[f32], b: &[f32]| -> f32 { a.iter().zip(b).map(|(x, y)| x * y).sum() };
    let mut nearest: Vec<f32> = (0..vectors.len())
        .map(|me| {
            let others = vectors.iter().enumerate().filter(|(other, _)| *other != me);
            others.map(|(_, other)| cosine(&vectors[me], other)).fold(-1.0, f32::max)
        })
        .collect();
    nearest.sort_by(f32::total_cmp);
    let median = nearest[nearest.len() / 2];
    println!("nearest relatives: median {median}, highest {}", nearest[nearest.len() - 1]);
    assert!(median > 0.5, "too easy: half of the pictures have no relative nearer than {median}");
}
