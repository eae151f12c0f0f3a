//! What a file is by its content: names and declared types of uploads are not believed.

/// How many bytes from the start of a file decide what it is; a shorter file is decided by all it has.
pub const SNIFF_BYTES: usize = 4096;

/// Length of a packet of an MPEG transport stream.
const TS_PACKET: usize = 188;

/// A container of videos.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VideoKind {
    /// MPEG-4 part 14 and its relatives, such as 3GP.
    Mp4,
    /// QuickTime.
    Mov,
    /// The web's subset of Matroska.
    WebM,
    /// Matroska.
    Mkv,
    /// Flash video.
    Flv,
    /// MPEG transport stream.
    Ts,
}

/// A kind of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureKind {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// WebP.
    WebP,
    /// GIF.
    Gif,
}

/// The content type that a key's extension stands for, for the kinds here; unknown ones are plain bytes.
pub fn content_type(extension: &str) -> &'static str {
    let video = VideoKind::ALL.into_iter().find(|kind| kind.extension() == extension);
    let picture = PictureKind::ALL.into_iter().find(|kind| kind.extension() == extension);
    let video = video.map(VideoKind::content_type);
    video.or(picture.map(PictureKind::content_type)).unwrap_or("application/octet-stream")
}

impl VideoKind {
    /// All kinds.
    pub const ALL: [VideoKind; 6] =
        [VideoKind::Mp4, VideoKind::Mov, VideoKind::WebM, VideoKind::Mkv, VideoKind::Flv, VideoKind::Ts];

    /// The usual end of file names, without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            VideoKind::Mp4 => "mp4",
            VideoKind::Mov => "mov",
            VideoKind::WebM => "webm",
            VideoKind::Mkv => "mkv",
            VideoKind::Flv => "flv",
            VideoKind::Ts => "ts",
        }
    }

    /// The media type in HTTP.
    pub const fn content_type(self) -> &'static str {
        match self {
            VideoKind::Mp4 => "video/mp4",
            VideoKind::Mov => "video/quicktime",
            VideoKind::WebM => "video/webm",
            VideoKind::Mkv => "video/x-matroska",
            VideoKind::Flv => "video/x-flv",
            VideoKind::Ts => "video/mp2t",
        }
    }

    /// The name of ffmpeg's demuxer.
    pub(crate) const fn demuxer(self) -> &'static str {
        match self {
            VideoKind::Mp4 | VideoKind::Mov => "mov",
            VideoKind::WebM | VideoKind::Mkv => "matroska",
            VideoKind::Flv => "flv",
            VideoKind::Ts => "mpegts",
        }
    }
}

impl PictureKind {
    /// All kinds.
    pub const ALL: [PictureKind; 4] =
        [PictureKind::Jpeg, PictureKind::Png, PictureKind::WebP, PictureKind::Gif];

    /// The usual end of file names, without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            PictureKind::Jpeg => "jpg",
            PictureKind::Png => "png",
            PictureKind::WebP => "webp",
            PictureKind::Gif => "gif",
        }
    }

    /// The media type in HTTP.
    pub const fn content_type(self) -> &'static str {
        match self {
            PictureKind::Jpeg => "image/jpeg",
            PictureKind::Png => "image/png",
            PictureKind::WebP => "image/webp",
            PictureKind::Gif => "image/gif",
        }
    }
}

/// The kind of picture that begins with these bytes (16 are enough), `None` when it is none of ours.
pub fn picture_kind(head: &[u8]) -> Option<PictureKind> {
    match head {
        [0xff, 0xd8, 0xff, ..] => Some(PictureKind::Jpeg),
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some(PictureKind::Png),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(PictureKind::Gif),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(PictureKind::WebP),
        _ => None,
    }
}

/// The container that begins with these bytes (the first [`SNIFF_BYTES`]), `None` when it is none of ours.
pub fn video_kind(head: &[u8]) -> Option<VideoKind> {
    match head {
        [_, _, _, _, kind @ ..] if kind.starts_with(b"ftyp") => file_type(head),
        [0x1a, 0x45, 0xdf, 0xa3, header @ ..] => matroska(header),
        // Version 1; flags with no reserved bit, and video among them; a header of 9 bytes.
        [b'F', b'L', b'V', 1, flags, 0, 0, 0, 9, ..] if flags & !0b101 == 0 && flags & 1 == 1 => {
            Some(VideoKind::Flv)
        }
        _ if is_old_quicktime(head) => Some(VideoKind::Mov),
        _ if is_transport_stream(head) => Some(VideoKind::Ts),
        _ => None,
    }
}

/// By the brands in the first box. The same box begins pictures (HEIC, AVIF) and audio books: those are refused by
/// their major brand, even where they name a video brand as compatible.
fn file_type(head: &[u8]) -> Option<VideoKind> {
    const REFUSED: [&[u8; 4]; 16] = [
        b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"mif2", b"msf1", b"avif", b"avis",
        b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B ",
    ];
    const VIDEO: [&[u8]; 18] = [
        b"iso", b"mp4", b"mp7", b"avc", b"hvc", b"hev", b"av01", b"M4V", b"MSNV", b"3gp", b"3g2", b"3gr",
        b"dash", b"msdh", b"f4v", b"F4V", b"mmp4", b"XAVC",
    ];
    let (size, _) = head.split_first_chunk::<4>()?;
    let size = (u32::from_be_bytes(*size) as usize).min(head.len());
    let (brands, _) = head.get(8..size)?.as_chunks::<4>();
    let major = brands.first()?;
    if REFUSED.contains(&major) {
        return None;
    }
    if major == b"qt  " {
        return Some(VideoKind::Mov);
    }
    // The second word is a version, not a brand; no brand of ours looks like one.
    let is_video = |brand: &[u8; 4]| VIDEO.iter().any(|start| brand.starts_with(start));
    brands.iter().any(is_video).then_some(VideoKind::Mp4)
}

/// Before brands, QuickTime files began with any of their boxes.
fn is_old_quicktime(head: &[u8]) -> bool {
    let Some((size, rest)) = head.split_first_chunk::<4>() else { return false };
    let size = u32::from_be_bytes(*size);
    match rest.first_chunk::<4>() {
        Some(b"moov") => size > 16,
        Some(b"mdat") => size == 0 || size == 1 || size >= 8,
        // An empty box that leaves room: behind it must stand a known box, when we can see that far.
        Some(b"wide" | b"free" | b"skip") if (8..=SNIFF_BYTES as u32 - 8).contains(&size) => {
            let next = head.get(size as usize + 4..).and_then(<[u8]>::first_chunk::<4>);
            matches!(next, Some(b"moov" | b"mdat" | b"free" | b"skip" | b"wide"))
        }
        _ => false,
    }
}

/// By the document type in the EBML header: element 0x4282, its length in one byte, the text.
fn matroska(header: &[u8]) -> Option<VideoKind> {
    let header = header.get(..64).unwrap_or(header);
    let start = header.windows(2).position(|id| id == [0x42, 0x82])?;
    match header.get(start + 2..)? {
        [0x84, b'w', b'e', b'b', b'm', ..] => Some(VideoKind::WebM),
        [0x88, b'm', b'a', b't', b'r', b'o', b's', b'k', b'a', ..] => Some(VideoKind::Mkv),
        _ => None,
    }
}

/// Every packet begins with 0x47, and there are at least four of them.
fn is_transport_stream(head: &[u8]) -> bool {
    let packets = head.chunks_exact(TS_PACKET);
    packets.len() >= 4 && packets.clone().all(|packet| packet.first() == Some(&0x47))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brands(brands: &[&[u8; 4]]) -> Vec<u8> {
        let mut file = ((8 + 4 * brands.len()) as u32).to_be_bytes().to_vec();
        file.extend(b"ftyp");
        brands.iter().for_each(|brand| file.extend(*brand));
        file.extend(b"\0\0\0\x10free12345678");
        file
    }

    #[test]
    fn mp4_is_known_by_its_brands() {
        assert_eq!(video_kind(&brands(&[b"isom", b"\0\0\x02\0", b"isom", b"avc1"])), Some(VideoKind::Mp4));
        assert_eq!(video_kind(&brands(&[b"mp42", b"\0\0\0\0"])), Some(VideoKind::Mp4));
        assert_eq!(video_kind(&brands(&[b"NEW!", b"\0\0\0\0", b"mp42"])), Some(VideoKind::Mp4));
        assert_eq!(video_kind(&brands(&[b"qt  ", b"\0\0\0\0"])), Some(VideoKind::Mov));
    }

    #[test]
    fn pictures_and_audio_in_the_same_box_are_refused() {
        for major in [b"heic", b"avif", b"mif1", b"M4A ", b"M4B "] {
            assert_eq!(video_kind(&brands(&[major, b"\0\0\0\0", b"isom", b"mp42"])), None);
        }
        assert_eq!(video_kind(&brands(&[b"NEW!", b"\0\0\0\0"])), None);
        assert_eq!(video_kind(&brands(&[])), None);
    }

    #[test]
    fn old_quicktime_begins_with_any_box() {
        assert_eq!(video_kind(b"\0\0\x01\0moov\0\0\0\x6cmvhd"), Some(VideoKind::Mov));
        assert_eq!(video_kind(b"\0\0\0\x08wide\0\0\x10\0mdat...."), Some(VideoKind::Mov));
        assert_eq!(video_kind(b"\0\0\0\x08wide\0\0\x10\0text...."), None);
        assert_eq!(video_kind(b"free as in freedom"), None);
    }

    #[test]
    fn matroska_is_known_by_its_document_type() {
        let ebml = |name: &str| {
            let mut file = vec![0x1a, 0x45, 0xdf, 0xa3, 0x9f, 0x42, 0x86, 0x81, 1, 0x42, 0x82];
            file.push(0x80 | name.len() as u8);
            file.extend(name.bytes());
            file
        };
        assert_eq!(video_kind(&ebml("webm")), Some(VideoKind::WebM));
        assert_eq!(video_kind(&ebml("matroska")), Some(VideoKind::Mkv));
        assert_eq!(video_kind(&ebml("other")), None);
        assert_eq!(video_kind(&[0x1a, 0x45, 0xdf, 0xa3]), None);
    }

    #[test]
    fn flash_must_hold_video_and_transport_streams_whole_packets() {
        assert_eq!(video_kind(b"FLV\x01\x05\0\0\0\x09\0\0\0\0"), Some(VideoKind::Flv));
        assert_eq!(video_kind(b"FLV\x01\x04\0\0\0\x09\0\0\0\0"), None);
        let mut stream = vec![0; TS_PACKET * 5];
        stream.iter_mut().step_by(TS_PACKET).for_each(|byte| *byte = 0x47);
        assert_eq!(video_kind(&stream), Some(VideoKind::Ts));
        assert_eq!(video_kind(&stream[..TS_PACKET * 3]), None);
        assert_eq!(video_kind(&[b'G'; 10]), None);
    }

    #[test]
    fn pictures_texts_and_nothing_are_no_videos() {
        for head in [
            &b""[..],
            b"\0",
            b"<html>",
            b"\xff\xd8\xff\xe0",
            b"\x89PNG\r\n\x1a\n",
            b"#!/bin/sh",
            b"#EXTM3U\n",
        ] {
            assert_eq!(video_kind(head), None);
        }
    }

    #[test]
    fn pictures_are_known_by_their_first_bytes() {
        assert_eq!(picture_kind(b"\xff\xd8\xff\xe0\0"), Some(PictureKind::Jpeg));
        assert_eq!(picture_kind(b"\x89PNG\r\n\x1a\n\0"), Some(PictureKind::Png));
        assert_eq!(picture_kind(b"GIF89a"), Some(PictureKind::Gif));
        assert_eq!(picture_kind(b"RIFF\0\0\0\0WEBPVP8 "), Some(PictureKind::WebP));
        assert_eq!(picture_kind(b"RIFF\0\0\0\0WAVE"), None);
        assert_eq!(picture_kind(b"<svg xmlns="), None);
    }

    #[test]
    fn the_content_type_follows_from_the_extension() {
        assert_eq!(content_type("mp4"), "video/mp4");
        assert_eq!(content_type("jpg"), "image/jpeg");
        assert_eq!(content_type("html"), "application/octet-stream");
    }
}
