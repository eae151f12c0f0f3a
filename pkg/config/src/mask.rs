//! Hiding secrets in what is printed.

const MASK: &str = "***";

/// Whether a setting or a URL parameter of this name holds a secret.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["secret", "password", "token"].iter().any(|word| name.contains(word))
}

/// The value of a setting as it may be printed.
pub(crate) fn setting(key: &str, value: &str) -> String {
    if !value.is_empty() && is_secret(key) { MASK.to_owned() } else { url(value) }
}

/// A text with the password in the user part and the secret parameters of a URL hidden.
pub(crate) fn url(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return parameters(text) };
    if scheme == "s3" {
        return format!("s3://{}", bucket(rest));
    }
    let (authority, tail) = rest.split_at(end_of_authority(rest));
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((name, _password)) => format!("{name}:{MASK}@{host}"),
            None => authority.to_owned(),
        },
        None => authority.to_owned(),
    };
    format!("{scheme}://{authority}{}", parameters(tail))
}

/// What follows `s3://`. Secrets of S3 have slashes, and not everybody writes them as `%2F`.
fn bucket(rest: &str) -> String {
    match rest.rsplit_once('@') {
        Some((keys, place)) => {
            let key = keys.split(':').next().unwrap_or_default();
            format!("{key}:{MASK}@{}", parameters(place))
        }
        None => parameters(rest),
    }
}

/// Where user, password and host end. A password may hold what should end them, for it may have been forgotten to encode it.
fn end_of_authority(rest: &str) -> usize {
    let end_after =
        |start| rest.get(start..).and_then(|text| text.find(['/', '?', '#'])).map(|end| start + end);
    let end = end_after(0).unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or(rest);
    let is_port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match (authority.split_once(':'), rest.rfind('@')) {
        (Some((_, password)), Some(at)) if at > end && !is_port(password) => {
            end_after(at).unwrap_or(rest.len())
        }
        _ => end,
    }
}

fn parameters(text: &str) -> String {
    let Some((path, query)) = text.split_once('?') else { return text.to_owned() };
    let masked: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, _value)) if is_secret(name) => format!("{name}={MASK}"),
            _ => pair.to_owned(),
        })
        .collect();
    format!("{path}?{}", masked.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_urls_are_hidden() {
        assert_eq!(url("redis://me:pa@ss@h:1/0?a=b&authToken=x"), "redis://me:***@h:1/0?a=b&authToken=***");
        assert_eq!(url("nacos://h:8848?password=x"), "nacos://h:8848?password=***");
        assert_eq!(url("http://h/a@b:c"), "http://h/a@b:c");
        assert_eq!(url("http://h:80/a@b:c"), "http://h:80/a@b:c");
        assert_eq!(url("nacos://me:pa/s?s@h:8848/n"), "nacos://me:***@h:8848/n");
        assert_eq!(url("plain"), "plain");
        assert_eq!(url("s3://AK:a/b?c+d@media/x?region=r"), "s3://AK:***@media/x?region=r");
        assert_eq!(url("s3://media?region=r"), "s3://media?region=r");
    }

    #[test]
    fn settings_named_as_secrets_are_hidden() {
        assert_eq!(setting("nacos.password", "x"), "***");
        assert_eq!(setting("nacos.password", ""), "");
        assert_eq!(setting("http.listen", "x"), "x");
    }
}
