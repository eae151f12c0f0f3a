//! Which pages may open the chat. Browsers let any page connect anywhere and only say in `Origin` which page it is.

use http::Uri;

/// Whether a page of `origin` may connect to `host`: one of this site, or of an origin in the settings.
pub(crate) fn admits(origin: &str, host: Option<&str>, public_url: &str, allowed: &[String]) -> bool {
    let own = authority(origin).is_some_and(|own| host.is_some_and(|host| own.eq_ignore_ascii_case(host)));
    own || is_same(origin, public_url) || allowed.iter().any(|allowed| is_same(origin, allowed))
}

/// `host:port` of an origin such as `https://example.com`.
fn authority(origin: &str) -> Option<&str> {
    let (scheme, authority) = origin.split_once("://")?;
    matches!(scheme, "http" | "https").then_some(authority)
}

/// Whether two URLs have the same scheme, host and port, both written in the same way.
fn is_same(origin: &str, url: &str) -> bool {
    let parts = |text: &str| {
        let uri = text.parse::<Uri>().ok()?;
        Some((uri.scheme_str()?.to_ascii_lowercase(), uri.authority()?.as_str().to_ascii_lowercase()))
    };
    parts(origin).is_some_and(|found| parts(url) == Some(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(origin: &str) -> bool {
        let allowed = ["https://friend.example".to_owned()];
        admits(origin, Some("127.0.0.1:8080"), "https://site.example/app", &allowed)
    }

    #[test]
    fn pages_of_the_site_and_of_friends_may_connect() {
        for origin in [
            "http://127.0.0.1:8080",
            "https://site.example",
            "https://friend.example",
            "https://Friend.example",
        ] {
            assert!(may(origin), "{origin}");
        }
    }

    #[test]
    fn other_pages_may_not() {
        for origin in [
            "null",
            "",
            "https://evil.example",
            "http://127.0.0.1:8081",
            "http://site.example",
            "https://site.example:8443",
            "https://friend.example.evil.example",
            "file://127.0.0.1:8080",
        ] {
            assert!(!may(origin), "{origin}");
        }
        assert!(!admits("http://a", None, "", &[]));
    }
}
