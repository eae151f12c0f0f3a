//! The typed settings and how they are loaded.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer};
use toml::Value;

use crate::database::Database;
use crate::document::{Document, Entry};
use crate::fault::{ConfigErrors, Fault, Origin};
use crate::live_sections::{Counters, Features, Limits};
use crate::model::Model;
use crate::role::Role;
use crate::sections::{
    Admin, Cache, Calls, Chat, Config, Connections, Http, Identity, Media, Mode, Registry, Service,
    Telemetry, Upload, Vectors,
};

/// Everything that can be set. What was left empty (`<role>.database`, `media.url`, `identity.keys`,
/// `http.public_url`) is filled in already.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// How strict the program is with what was left to its defaults.
    pub mode: Mode,
    /// All that the embedded site writes is below it.
    pub data_dir: PathBuf,
    /// Of the times in answers.
    #[serde(deserialize_with = "time_zone")]
    pub time_zone: TimeZone,
    /// The HTTP front.
    pub http: Http,
    /// The admin port.
    pub admin: Admin,
    /// The user service.
    pub user: Service,
    /// The video service.
    pub video: Service,
    /// The interaction service.
    pub interaction: Service,
    /// The social service.
    pub social: Service,
    /// The connections to database servers.
    pub database: Connections,
    /// The cache.
    pub cache: Cache,
    /// Where the instances of a service are.
    pub registry: Registry,
    /// Live settings.
    pub config: Config,
    /// The search by vectors.
    pub vectors: Vectors,
    /// Pictures and videos.
    pub media: Media,
    /// The picture model.
    pub model: Model,
    /// Resumable uploads.
    pub upload: Upload,
    /// The WebSocket chat.
    pub chat: Chat,
    /// Logs and traces.
    pub telemetry: Telemetry,
    /// Tokens and keys.
    pub identity: Identity,
    /// Calls between services.
    pub calls: Calls,
    /// The scheduled counters.
    pub counters: Counters,
    /// What people can begin.
    pub features: Features,
    /// Rate limits and lockouts.
    pub limits: Limits,
    /// The same values with their origins, for `render`.
    #[serde(skip)]
    pub(crate) document: Option<Document>,
}

impl Settings {
    /// Loads the defaults, lays the file and then the environment over them and checks the result.
    /// Variables whose names don't begin with `FANONE_` are passed over.
    ///
    /// # Errors
    ///
    /// All faults at once: an unreadable file, unknown keys, wrong types, values out of their range.
    pub fn load(
        file: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigErrors> {
        let (document, faults) = read(file, env)?;
        ConfigErrors::of(faults).map_or(Ok(()), Err)?;
        Self::of(document)
    }

    /// The settings with the default in place of whatever is faulty: good for asking whether the rest would do, and for
    /// nothing else. None if not even that can be had.
    pub fn sound(file: Option<&Path>, env: impl Iterator<Item = (String, String)>) -> Option<Self> {
        let (mut document, faults) = read(file, env).ok()?;
        let defaults = Document::defaults().ok()?;
        for fault in faults {
            if let Some(entry) = defaults.get(&fault.key) {
                document.set(&entry.key, entry.value.clone(), Origin::Default);
            }
        }
        Self::of(document).ok()
    }

    pub(crate) fn of(mut document: Document) -> Result<Self, ConfigErrors> {
        fill_in(&mut document);
        let mut settings: Self = serde_path_to_error::deserialize(document.to_table()).map_err(|error| {
            let key = error.path().to_string();
            let origin = document.get(&key).map_or(Origin::Default, |entry| entry.origin.clone());
            ConfigErrors(vec![Fault::new(&key, origin, error.inner().message())])
        })?;
        settings.document = Some(document);
        Ok(settings)
    }

    /// The section of a Thrift service; the front has none.
    #[must_use]
    pub const fn service(&self, role: Role) -> Option<&Service> {
        match role {
            Role::User => Some(&self.user),
            Role::Video => Some(&self.video),
            Role::Interaction => Some(&self.interaction),
            Role::Social => Some(&self.social),
            Role::Http => None,
        }
    }

    /// Where a role listens: its Thrift port, or the API for the front.
    #[must_use]
    pub fn listen(&self, role: Role) -> SocketAddr {
        self.service(role).map_or(self.http.listen, |service| service.listen)
    }

    /// Where a role keeps its rows; the front keeps none.
    #[must_use]
    pub fn database(&self, role: Role) -> Option<&Database> {
        self.service(role).map(|service| &service.database)
    }

    /// A fault of the value of `key` that shows only when it is used, with the place where the value was set.
    #[must_use]
    pub fn fault(&self, key: &str, problem: impl Into<String>) -> Fault {
        let entry = self.document.as_ref().and_then(|document| document.get(key));
        Fault::new(key, entry.map_or(Origin::Default, |entry| entry.origin.clone()), problem)
    }
}

/// The defaults with the file and then the environment laid over them, and what is wrong with the result.
fn read(
    file: Option<&Path>,
    env: impl Iterator<Item = (String, String)>,
) -> Result<(Document, Vec<Fault>), ConfigErrors> {
    let mut faults = Vec::new();
    let mut document = Document::defaults().map_err(|fault| ConfigErrors(vec![fault]))?;
    if let Some(path) = file {
        document.apply_file(path, &mut faults);
    }
    for (name, value) in env {
        document.apply_variable(&name, &value, &mut faults);
    }
    crate::rules::check(&document, &mut faults);
    Ok((document, faults))
}

/// The variables of this process that are meant for the settings. Unlike `std::env::vars` it does not panic at
/// text that is no Unicode.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .filter(|(name, _)| name.starts_with("FANONE_"))
}

/// Replaces empty values by the places named beside them in the default document.
fn fill_in(document: &mut Document) {
    let data_dir = document.get("data_dir").map(|entry| PathBuf::from(entry.text())).unwrap_or_default();
    let below = |name: &str| data_dir.join(name).display().to_string();
    let listen = document.get("http.listen").and_then(|entry| entry.text().parse().ok());
    let mut values = vec![
        ("media.url", format!("file:{}", below("media")), "data_dir"),
        ("identity.keys", below("keys"), "data_dir"),
    ];
    if let Some(listen) = listen {
        values.push(("http.public_url", format!("http://{}", reachable(listen)), "http.listen"));
    }
    let databases = [
        ("user.database", "user.db"),
        ("video.database", "video.db"),
        ("interaction.database", "interaction.db"),
        ("social.database", "social.db"),
    ];
    values.extend(databases.map(|(key, file)| (key, format!("sqlite:{}", below(file)), "data_dir")));
    for (key, value, from) in values {
        if document.get(key).is_some_and(Entry::is_empty) {
            document.set(key, Value::String(value), Origin::Derived(from));
        }
    }
}

/// The address under which this machine itself reaches a listener: nobody can connect to "any address".
fn reachable(listen: SocketAddr) -> SocketAddr {
    if listen.ip().is_unspecified() {
        return SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), listen.port());
    }
    listen
}

fn time_zone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TimeZone, D::Error> {
    let name = String::deserialize(deserializer)?;
    TimeZone::get(&name).map_err(serde::de::Error::custom)
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
