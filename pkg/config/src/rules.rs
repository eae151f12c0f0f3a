//! What each value must be beyond its type. One row for each key; a test holds that none is forgotten.

use std::net::{IpAddr, SocketAddr};

use jiff::tz::TimeZone;
use tracing_subscriber::EnvFilter;

use crate::database::Database;
use crate::document::{Document, Entry};
use crate::fault::{Fault, Origin};
use crate::mask;
use crate::milvus::VectorsUrl;
use crate::model::{self, ModelUrl};
use crate::nacos::NacosUrl;
use crate::url::{ConfigUrl, MediaUrl};

/// The longest time that a setting may name, in milliseconds: a day.
const DAY_MS: i64 = 86_400_000;
/// The longest life of a token or an upload, in seconds: a year.
const YEAR_S: i64 = 31_536_000;
const KIB: i64 = 1 << 10;
const MIB: i64 = 1 << 20;
const GIB: i64 = 1 << 30;

enum Rule {
    Anything,
    NotEmpty,
    OneOf(&'static [&'static str]),
    Range(i64, i64),
    TimeZone,
    Address,
    Ips,
    Origins,
    Clients,
    PublicUrl,
    Registry,
    Advertise,
    Database,
    Cache,
    Config,
    Media,
    Vectors,
    Model,
    PreviousModel,
    Otlp,
    LogLevel,
}

const RULES: &[(&str, Rule)] = &[
    ("mode", Rule::OneOf(&["development", "production"])),
    ("data_dir", Rule::NotEmpty),
    ("time_zone", Rule::TimeZone),
    ("http.listen", Rule::Address),
    ("http.public_url", Rule::PublicUrl),
    ("http.allowed_origins", Rule::Origins),
    ("http.form_max_bytes", Rule::Range(KIB, 16 * MIB)),
    ("http.header_timeout_ms", Rule::Range(1, DAY_MS)),
    ("http.request_timeout_ms", Rule::Range(1, DAY_MS)),
    ("http.body_idle_timeout_ms", Rule::Range(1, DAY_MS)),
    ("http.connections_max", Rule::Range(1, 1_000_000)),
    ("http.trusted_proxies", Rule::Ips),
    ("http.leave_ms", Rule::Range(0, DAY_MS)),
    ("http.drain_timeout_ms", Rule::Range(0, DAY_MS)),
    ("admin.listen", Rule::Address),
    ("user.listen", Rule::Address),
    ("user.database", Rule::Database),
    ("video.listen", Rule::Address),
    ("video.database", Rule::Database),
    ("interaction.listen", Rule::Address),
    ("interaction.database", Rule::Database),
    ("social.listen", Rule::Address),
    ("social.database", Rule::Database),
    ("database.connections_max", Rule::Range(1, 1000)),
    ("database.acquire_timeout_ms", Rule::Range(1, DAY_MS)),
    ("database.transaction_timeout_ms", Rule::Range(1, DAY_MS)),
    ("database.idle_timeout_s", Rule::Range(1, YEAR_S)),
    ("database.lifetime_s", Rule::Range(1, YEAR_S)),
    ("cache.url", Rule::Cache),
    ("cache.timeout_ms", Rule::Range(1, DAY_MS)),
    ("cache.connections", Rule::Range(1, 1000)),
    ("registry.url", Rule::Registry),
    ("registry.advertise", Rule::Advertise),
    ("config.url", Rule::Config),
    ("vectors.url", Rule::Vectors),
    ("vectors.timeout_ms", Rule::Range(1, DAY_MS)),
    ("media.url", Rule::Media),
    // No signed URL lives longer than a week.
    ("media.timeout_ms", Rule::Range(1, DAY_MS)),
    ("media.redirect_s", Rule::Range(0, 604_800)),
    ("media.picture_max_bytes", Rule::Range(KIB, 100 * MIB)),
    ("media.picture_max_side", Rule::Range(16, 32_768)),
    ("media.video_max_bytes", Rule::Range(KIB, 1024 * GIB)),
    ("media.ffmpeg", Rule::NotEmpty),
    ("media.ffmpeg_timeout_ms", Rule::Range(1, DAY_MS)),
    ("model.url", Rule::Model),
    ("model.previous", Rule::PreviousModel),
    ("model.timeout_ms", Rule::Range(1, DAY_MS)),
    ("model.describe_interval_ms", Rule::Range(10, DAY_MS)),
    ("upload.lifetime_s", Rule::Range(1, YEAR_S)),
    ("upload.segment_bytes", Rule::Range(64 * KIB, GIB)),
    ("upload.concurrent_max", Rule::Range(1, 100_000)),
    ("chat.frame_max_bytes", Rule::Range(KIB, 16 * MIB)),
    ("chat.content_max_chars", Rule::Range(1, 100_000)),
    ("chat.ping_interval_s", Rule::Range(1, 3600)),
    ("chat.connections_per_user", Rule::Range(1, 10_000)),
    ("chat.group_members_max", Rule::Range(2, 100_000)),
    ("telemetry.log_level", Rule::LogLevel),
    ("telemetry.log_format", Rule::OneOf(&["text", "json"])),
    ("telemetry.otlp", Rule::Otlp),
    ("telemetry.sample_per_mille", Rule::Range(0, 1000)),
    ("identity.access_ttl_s", Rule::Range(1, YEAR_S)),
    ("identity.refresh_ttl_s", Rule::Range(1, YEAR_S)),
    ("identity.service_ttl_s", Rule::Range(10, 86_400)),
    ("identity.clients", Rule::Clients),
    ("identity.keys", Rule::Anything),
    ("calls.rpc_timeout_ms", Rule::Range(1, DAY_MS)),
    ("calls.connect_timeout_ms", Rule::Range(1, DAY_MS)),
    ("calls.frame_max_bytes", Rule::Range(64 * KIB, GIB)),
    ("calls.concurrent_max", Rule::Range(1, 1_000_000)),
    ("calls.balancer", Rule::OneOf(&["weighted", "plain"])),
    ("counters.interval_ms", Rule::Range(10, DAY_MS)),
    // No receiver takes more; one that refuses a batch would refuse it for ever.
    ("counters.batch_events", Rule::Range(1, 10_000)),
    ("features.registration", Rule::Anything),
    ("features.upload", Rule::Anything),
    ("features.comment", Rule::Anything),
    ("features.chat", Rule::Anything),
    ("features.image_search", Rule::Anything),
    ("limits.enabled", Rule::Anything),
    ("limits.requests_per_ip", Rule::Range(1, 1_000_000_000)),
    ("limits.logins_per_ip", Rule::Range(1, 1_000_000_000)),
    ("limits.registrations_per_ip", Rule::Range(1, 1_000_000_000)),
    ("limits.messages_per_second", Rule::Range(1, 1_000_000_000)),
    ("limits.uploads_per_user", Rule::Range(1, 1_000_000_000)),
    ("limits.logins_failed_per_account", Rule::Range(1, 1_000_000_000)),
    ("limits.mfa_failures", Rule::Range(1, 1_000_000_000)),
];

/// Checks every value by its rule, then the rules that look at more than one value.
pub(crate) fn check(document: &Document, faults: &mut Vec<Fault>) {
    for (key, rule) in RULES {
        let Some(entry) = document.get(key) else { continue };
        for problem in rule.problems(entry) {
            faults.push(Fault::new(key, entry.origin.clone(), problem));
        }
    }
    check_token_lives(document, faults);
    check_redirect(document, faults);
    model::check(document, faults);
    check_production(document, faults);
}

impl Rule {
    /// Everything that is wrong with the value.
    fn problems(&self, entry: &Entry) -> Vec<String> {
        match self {
            Self::Database if entry.is_empty() => Vec::new(),
            Self::Database => Database::parse(&entry.value).err().unwrap_or_default(),
            _ => self.problem(entry).into_iter().collect(),
        }
    }

    /// What is wrong with the value, if anything.
    fn problem(&self, entry: &Entry) -> Option<String> {
        let text = entry.text();
        let wrong = |expected: String| Some(format!("{} is wrong; {expected}", quoted(entry, text)));
        match self {
            Self::Anything | Self::Database => None,
            Self::NotEmpty => text.trim().is_empty().then(|| "must not be empty".to_owned()),
            Self::OneOf(accepted) if accepted.contains(&text) => None,
            Self::OneOf(accepted) => wrong(format!("accepted: {}", listed(accepted))),
            Self::Range(min, max) => {
                let value = entry.value.as_integer().unwrap_or(i64::MIN);
                let inside = (*min..=*max).contains(&value);
                (!inside).then(|| format!("{value} is out of range; expected {min} to {max}"))
            }
            Self::TimeZone if TimeZone::get(text).is_ok() => None,
            Self::TimeZone => wrong("expected an IANA time zone, for example Asia/Shanghai".to_owned()),
            Self::Address if text.parse::<SocketAddr>().is_ok() => None,
            Self::Address => wrong("expected IP:PORT, for example 127.0.0.1:8080 or [::1]:8080".to_owned()),
            Self::Ips => {
                let item = bad_item(entry, |item| item.parse::<IpAddr>().is_ok())?;
                Some(format!("{} is wrong; expected IP addresses", quoted(entry, item)))
            }
            Self::Origins => {
                let item = bad_item(entry, is_origin)?;
                Some(format!(
                    "{} is wrong; expected http(s)://HOST[:PORT] without a path",
                    quoted(entry, item)
                ))
            }
            Self::Clients => {
                let item = bad_item(entry, is_client)?;
                Some(format!("{} is wrong; expected {CLIENT_NAMES}", quoted(entry, item)))
            }
            Self::PublicUrl if text.is_empty() || is_public_url(text) => None,
            Self::PublicUrl => {
                wrong("expected http(s)://HOST[:PORT][/PATH] without a slash at the end".to_owned())
            }
            Self::Registry if is_registry(text) => None,
            Self::Registry => wrong(REGISTRIES.to_owned()),
            Self::Advertise if text.is_empty() || is_reachable(text) => None,
            Self::Advertise => wrong("expected an IP address that others can connect to".to_owned()),
            Self::Cache if is_cache(text) => None,
            Self::Cache => wrong(CACHES.to_owned()),
            Self::Otlp if text.is_empty() || is_collector(text) => None,
            Self::Otlp => wrong("expected http://HOST:PORT, or nothing".to_owned()),
            Self::PreviousModel if text.is_empty() => None,
            Self::Model | Self::PreviousModel => {
                text.parse::<ModelUrl>().err().and_then(|error| wrong(error.to_string()))
            }
            Self::Config => text.parse::<ConfigUrl>().err().and_then(|error| wrong(error.to_string())),
            Self::LogLevel if !text.trim().is_empty() && EnvFilter::try_new(text).is_ok() => None,
            Self::LogLevel => {
                wrong("expected directives as in RUST_LOG, for example info,fanone_video=debug".to_owned())
            }
            Self::Vectors => text.parse::<VectorsUrl>().err().and_then(|error| wrong(error.to_string())),
            Self::Media if text.is_empty() => None,
            Self::Media => text.parse::<MediaUrl>().err().and_then(|error| wrong(error.to_string())),
        }
    }
}

fn quoted(entry: &Entry, text: &str) -> String {
    format!("\"{}\"", mask::setting(&entry.key, text))
}

fn listed(accepted: &[&str]) -> String {
    let names: Vec<&str> = accepted.iter().map(|name| if name.is_empty() { "\"\"" } else { name }).collect();
    names.join(", ")
}

fn bad_item(entry: &Entry, good: impl Fn(&str) -> bool) -> Option<&str> {
    let items = entry.value.as_array()?;
    items.iter().filter_map(|item| item.as_str()).find(|item| !good(item))
}

fn web_host(text: &str) -> Option<&str> {
    text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"))
}

/// What names of foreign programs look like.
pub const CLIENT_NAMES: &str =
    "up to 64 letters, digits, dots, dashes and underscores, and no name of ours (fanone.…, user-tokens)";

/// Whether a foreign program may have this name: it is the name of a key file, and the callers' label in metrics.
#[must_use]
pub fn is_client(name: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let is_ours = name.starts_with("fanone.") || name == "user-tokens";
    (1..=64).contains(&name.len()) && name.bytes().all(is_fine) && !name.starts_with('.') && !is_ours
}

fn is_origin(text: &str) -> bool {
    web_host(text).is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']))
}

fn is_collector(text: &str) -> bool {
    let place = text.strip_prefix("http://").and_then(|place| place.rsplit_once(':'));
    place.is_some_and(|(host, port)| {
        !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']) && port.parse::<u16>().is_ok()
    })
}

fn is_public_url(text: &str) -> bool {
    web_host(text).is_some_and(|rest| {
        !rest.is_empty()
            && !rest.starts_with('/')
            && !rest.ends_with('/')
            && !rest.contains(['?', '#', '@', ' '])
    })
}

const CACHES: &str = "accepted: memory:, redis://[USER:PASSWORD@]HOST[:PORT][/N], \
    redis+sentinel://[:PASSWORD@]HOST:PORT,…/MASTER[/N], redis+cluster://[:PASSWORD@]HOST:PORT,…";

/// Whether the URL names a kind of cache and a server; the cache itself reads the rest.
fn is_cache(text: &str) -> bool {
    let schemes = ["redis://", "redis+sentinel://", "redis+cluster://"];
    let rest = schemes.iter().find_map(|scheme| text.strip_prefix(scheme));
    text == "memory:" || rest.is_some_and(|rest| !rest.trim_matches('/').is_empty())
}

const REGISTRIES: &str =
    "accepted: memory:, static:NAME=IP:PORT,…, nacos://[USER:PASSWORD@]HOST:PORT[,HOST:PORT…][/NAMESPACE]";

fn is_registry(text: &str) -> bool {
    text == "memory:" || is_static_registry(text) || NacosUrl::parse(text).is_some()
}

fn is_reachable(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok_and(|address| !address.is_unspecified())
}

fn is_static_registry(text: &str) -> bool {
    text.strip_prefix("static:").is_some_and(|list| list.split(',').all(is_static_instance))
}

fn is_static_instance(text: &str) -> bool {
    let Some((name, address)) = text.trim().split_once('=') else { return false };
    !name.is_empty() && address.parse::<SocketAddr>().is_ok_and(|address| address.port() > 0)
}

/// A refresh token that dies before the access token it should replace is of no use.
fn check_token_lives(document: &Document, faults: &mut Vec<Fault>) {
    let (Some(access), Some(refresh)) =
        (document.get("identity.access_ttl_s"), document.get("identity.refresh_ttl_s"))
    else {
        return;
    };
    if refresh.value.as_integer() < access.value.as_integer() {
        let origin =
            if refresh.origin == Origin::Default { access.origin.clone() } else { refresh.origin.clone() };
        faults.push(Fault::new(
            "identity.refresh_ttl_s",
            origin,
            "must not be less than identity.access_ttl_s",
        ));
    }
}

/// Only a bucket can answer in our place.
fn check_redirect(document: &Document, faults: &mut Vec<Fault>) {
    let (Some(url), Some(redirect)) = (document.get("media.url"), document.get("media.redirect_s")) else {
        return;
    };
    let is_wanted = redirect.value.as_integer().is_some_and(|seconds| seconds > 0);
    let is_bucket = matches!(url.text().parse(), Ok(MediaUrl::S3(_)));
    if is_wanted && !is_bucket {
        let problem = "there is nothing to redirect to: media.url is no bucket of S3";
        faults.push(Fault::new("media.redirect_s", redirect.origin.clone(), problem));
    }
}

/// In production nothing that outsiders see or that protects them is left to a default.
fn check_production(document: &Document, faults: &mut Vec<Fault>) {
    if document.get("mode").is_none_or(|mode| mode.text() != "production") {
        return;
    }
    for key in ["identity.keys", "http.public_url"] {
        let Some(entry) = document.get(key) else { continue };
        if entry.text().trim().is_empty() {
            let problem = "must be set when mode is \"production\"";
            faults.push(Fault::new(key, entry.origin.clone(), problem));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_exactly_one_rule() {
        let defaults = Document::defaults().unwrap();
        let known: Vec<&str> = defaults.entries().iter().map(|entry| entry.key.as_str()).collect();
        let ruled: Vec<&str> = RULES.iter().map(|(key, _)| *key).collect();
        assert_eq!(known, ruled);
    }

    #[test]
    fn static_registries_are_told_from_broken_ones() {
        assert!(is_static_registry("static:fanone.user=127.0.0.1:8101,fanone.video=[::1]:8102"));
        for text in [
            "static:",
            "static:a",
            "static:a=h",
            "static:a=127.0.0.1:0",
            "static:=127.0.0.1:1",
            "static:a=h:1",
            "nacos://h:1",
        ] {
            assert!(!is_static_registry(text), "{text}");
        }
    }

    #[test]
    fn a_collector_is_a_host_and_a_port() {
        assert!(is_collector("http://collector:4317") && is_collector("http://[::1]:4317"));
        for text in ["collector:4317", "http://collector", "http://:4317", "https://a:1", "http://a:1/v1"] {
            assert!(!is_collector(text), "{text}");
        }
    }

    #[test]
    fn origins_have_no_path() {
        assert!(is_origin("https://a.example:8443"));
        assert!(!is_origin("https://a.example/"));
        assert!(!is_origin("a.example"));
    }
}
