//! What the URLs of servers have in common: `[USER:PASSWORD@]` and `HOST:PORT`.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Name and password.
pub(crate) type Login = (String, String);

/// The login before the last `@`, if there is an `@`, and what stands behind it; none if that login is none. Characters
/// that would end a name or a password are percent-encoded.
pub(crate) fn split_login(text: &str) -> Option<(Option<Login>, &str)> {
    match text.rsplit_once('@') {
        Some((login, place)) => Some((Some(parse_login(login)?), place)),
        None => Some((None, text)),
    }
}

fn parse_login(text: &str) -> Option<Login> {
    let decoded = |text| percent_decode_str(text).decode_utf8().ok().map(Cow::into_owned);
    let (user, password) = text.split_once(':')?;
    let login = (decoded(user)?, decoded(password)?);
    (!user.is_empty() && !password.is_empty()).then_some(login)
}

/// The port of `HOST:PORT`; none if it is no such address.
pub(crate) fn port_of(address: &str) -> Option<u16> {
    let (host, port) = address.rsplit_once(':')?;
    let is_host =
        !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_[]:".contains(&b));
    port.parse().ok().filter(|port| is_host && *port > 0)
}
