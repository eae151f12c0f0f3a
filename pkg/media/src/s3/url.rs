//! The URL of a bucket, taken apart.

use percent_encoding::percent_decode_str;

use crate::Key;

/// `s3://[KEY:SECRET@]BUCKET[/PREFIX][?region=…&endpoint=http(s)://HOST[:PORT]]`
#[derive(Default)]
pub(super) struct BucketUrl {
    pub(super) bucket: String,
    /// What the keys of this site begin with; may be empty.
    pub(super) prefix: String,
    /// Access key and secret; without them the environment knows.
    pub(super) credentials: Option<(String, String)>,
    pub(super) region: Option<String>,
    /// The server; without it, that of AWS in the region.
    pub(super) endpoint: Option<String>,
}

impl BucketUrl {
    /// `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (place, options) = split(text.strip_prefix("s3://")?, '?');
        let (credentials, place) = match place.rsplit_once('@') {
            Some((credentials, place)) => (Some(credentials), place),
            None => (None, place),
        };
        let (bucket, prefix) = split(place, '/');
        let prefix = prefix.trim_end_matches('/');
        if !is_bucket(bucket) || !(prefix.is_empty() || prefix.parse::<Key>().is_ok()) {
            return None;
        }
        let mut url = Self { bucket: bucket.to_owned(), prefix: prefix.to_owned(), ..Self::default() };
        if let Some((key, secret)) = credentials.map(|both| split(both, ':')) {
            url.credentials = Some((decoded(key)?, decoded(secret)?));
        }
        for option in options.split('&').filter(|option| !option.is_empty()) {
            match split(option, '=') {
                ("region", region) => url.region = Some(decoded(region)?),
                ("endpoint", server) => url.endpoint = Some(decoded(server).filter(|it| is_server(it))?),
                _ => return None,
            }
        }
        Some(url)
    }

    /// Whether the server is spoken to without TLS.
    pub(super) fn is_plain(&self) -> bool {
        self.endpoint.as_ref().is_some_and(|server| server.starts_with("http://"))
    }
}

fn split(text: &str, at: char) -> (&str, &str) {
    text.split_once(at).unwrap_or((text, ""))
}

/// The text that percent signs stand for, if it is any.
fn decoded(text: &str) -> Option<String> {
    let text = percent_decode_str(text).decode_utf8().ok()?;
    (!text.is_empty()).then(|| text.into_owned())
}

fn is_bucket(name: &str) -> bool {
    let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
    (3..=63).contains(&name.len()) && !name.starts_with(['-', '.']) && name.bytes().all(fits)
}

fn is_server(text: &str) -> bool {
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_bucket_prefix_credentials_region_and_server() {
        let url = "s3://AK:a%2Fb+c@media.example/site/one?region=garage&endpoint=http://127.0.0.1:9000";
        let url = BucketUrl::parse(url).unwrap();
        assert_eq!((url.bucket.as_str(), url.prefix.as_str()), ("media.example", "site/one"));
        assert_eq!(url.credentials, Some(("AK".to_owned(), "a/b+c".to_owned())));
        assert_eq!(url.region.as_deref(), Some("garage"));
        assert!(url.is_plain());
        assert_eq!(url.endpoint.as_deref(), Some("http://127.0.0.1:9000"));
        let short = BucketUrl::parse("s3://media/").unwrap();
        assert!(short.credentials.is_none() && short.endpoint.is_none() && short.prefix.is_empty());
        assert!(!short.is_plain());
    }

    #[test]
    fn what_it_does_not_know_is_refused() {
        for bad in [
            "s3:media",
            "s3://",
            "s3://k:s@",
            "s3://k@media",
            "s3://:s@media",
            "s3://Media",
            "s3://m",
            "s3://media/../x",
            "s3://media?zone=1",
            "s3://media?region=",
            "s3://media?endpoint=127.0.0.1:9000",
            "s3://media?endpoint=http://h/path",
            "file:x",
        ] {
            assert!(BucketUrl::parse(bad).is_none(), "{bad}");
        }
    }
}
