//! The names of stored objects.

use std::fmt;
use std::str::FromStr;

use crate::MediaError;

/// Longest key, in bytes.
const LENGTH_MAX: usize = 200;

/// The name of an object, for example `videos/5f….mp4`: parts of `a-z 0-9 _ - .` between slashes, none of them
/// empty or beginning with a dot. So a key can be part of a URL and of a path, and leads nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

/// The first part of a key: what kind of object it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folder {
    /// Published videos.
    Videos,
    /// Covers of videos.
    Covers,
    /// Avatars of users.
    Avatars,
    /// Parts of unfinished uploads: nobody's to read but the upload's.
    Uploads,
}

impl Folder {
    const ALL: [Folder; 4] = [Folder::Videos, Folder::Covers, Folder::Avatars, Folder::Uploads];

    /// The name in keys.
    pub const fn name(self) -> &'static str {
        match self {
            Folder::Videos => "videos",
            Folder::Covers => "covers",
            Folder::Avatars => "avatars",
            Folder::Uploads => "uploads",
        }
    }

    /// Whether anybody who knows a key in it may read the object.
    pub const fn is_public(self) -> bool {
        !matches!(self, Folder::Uploads)
    }
}

impl Key {
    /// A new key that nobody can guess: `<folder>/<128 random bits>.<extension>`.
    ///
    /// # Errors
    /// [`MediaError::Random`], [`MediaError::Key`] for an extension of other than lower-case letters and digits.
    pub fn random(folder: Folder, extension: &str) -> Result<Key, MediaError> {
        if !extension.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(MediaError::Key);
        }
        let mut bits = [0; 16];
        getrandom::fill(&mut bits)?;
        format!("{}/{:032x}.{extension}", folder.name(), u128::from_be_bytes(bits)).parse()
    }

    /// A new key in `folder` that is nobody else's: `<folder>/<name>.<128 random bits>`.
    pub(crate) fn beside(folder: &str, name: &str) -> Result<Key, MediaError> {
        let mut bits = [0; 16];
        getrandom::fill(&mut bits)?;
        format!("{folder}/{name}.{:032x}", u128::from_be_bytes(bits)).parse()
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder it is in, `None` when that is none of ours.
    pub fn folder(&self) -> Option<Folder> {
        let (first, _) = self.0.split_once('/')?;
        Folder::ALL.into_iter().find(|folder| folder.name() == first)
    }

    /// What follows the last dot; empty without one.
    pub fn extension(&self) -> &str {
        self.0.rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    pub(crate) fn path(&self) -> object_store::path::Path {
        object_store::path::Path::from(self.0.as_str())
    }
}

impl FromStr for Key {
    type Err = MediaError;

    fn from_str(text: &str) -> Result<Key, MediaError> {
        let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.');
        let part_fits = |part: &str| !part.is_empty() && !part.starts_with('.') && part.bytes().all(fits);
        if text.len() > LENGTH_MAX || !text.split('/').all(part_fits) {
            return Err(MediaError::Key);
        }
        Ok(Key(text.to_owned()))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lead_nowhere_else() {
        for bad in [
            "", "/", "a//b", "/a", "a/", "..", "a/../b", "a/.b", "A", "a b", "a\\b", "a%2e", "é", "a#1",
            "a\0",
        ] {
            assert!(bad.parse::<Key>().is_err(), "{bad:?}");
        }
        assert!("a".repeat(201).parse::<Key>().is_err());
        for good in ["videos/0f.mp4", "a", "uploads/12/00000000000000000000", "a_b-c/d.e.f"] {
            assert_eq!(good.parse::<Key>().unwrap().as_str(), good);
        }
    }

    #[test]
    fn random_keys_are_long_and_different() {
        let [a, b] = [(); 2].map(|()| Key::random(Folder::Videos, "mp4").unwrap());
        assert_ne!(a, b);
        assert_eq!(a.as_str().len(), "videos/".len() + 32 + ".mp4".len());
        assert_eq!((a.folder(), a.extension()), (Some(Folder::Videos), "mp4"));
        assert!(Key::random(Folder::Videos, "../x").is_err());
    }

    #[test]
    fn parts_of_uploads_are_not_public() {
        let folder = |key: &str| key.parse::<Key>().unwrap().folder();
        assert!(!folder("uploads/1/2").unwrap().is_public());
        assert!(folder("covers/1.jpg").unwrap().is_public());
        assert_eq!(folder("elsewhere/1.jpg"), None);
        assert_eq!(folder("covers"), None);
    }
}
