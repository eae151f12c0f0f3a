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
mod tests {
    use super::*;

    fn load(env: &[(&str, &str)]) -> Result<Settings, ConfigErrors> {
        Settings::load(None, env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    fn load_file(text: &str, env: &[(&str, &str)]) -> Result<Settings, ConfigErrors> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fanone.toml");
        std::fs::write(&path, text).unwrap();
        Settings::load(Some(&path), env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    fn sqlite(path: &str) -> Database {
        Database::single(crate::DatabaseUrl::sqlite(path))
    }

    fn problems(result: Result<Settings, ConfigErrors>) -> Vec<String> {
        result.unwrap_err().faults().iter().map(|fault| format!("{}: {}", fault.key, fault.problem)).collect()
    }

    #[test]
    fn defaults_load_and_empty_places_are_filled_in() {
        let settings = load(&[]).unwrap();
        assert_eq!(settings.mode, Mode::Development);
        assert_eq!(settings.http.public_url, "http://127.0.0.1:8080");
        assert_eq!(settings.user.database, sqlite("./data/user.db"));
        assert_eq!(settings.identity.keys, PathBuf::from("./data/keys"));
        assert_eq!(settings.listen(Role::Social), "127.0.0.1:8104".parse().unwrap());
        assert_eq!(settings.listen(Role::Http), settings.http.listen);
        assert!(settings.database(Role::Http).is_none());
        assert_eq!(settings.database, Connections::default());
    }

    #[test]
    fn the_environment_goes_over_the_file_and_the_file_over_the_defaults() {
        let file = "data_dir = \"/srv\"\n[counters]\ninterval_ms = 50\nbatch_events = 7\n";
        let env = [
            ("FANONE_COUNTERS__INTERVAL_MS", "60"),
            ("FANONE_LIMITS__ENABLED", "false"),
            ("FANONE_HTTP__ALLOWED_ORIGINS", "http://a.example, https://b.example:8443"),
            ("FANONE_VIDEO__DATABASE", "sqlite:/other/v.db"),
        ];
        let settings = load_file(file, &env).unwrap();
        assert_eq!((settings.counters.interval_ms, settings.counters.batch_events), (60, 7));
        assert!(!settings.limits.enabled);
        assert_eq!(settings.http.allowed_origins, ["http://a.example", "https://b.example:8443"]);
        assert_eq!(settings.user.database, sqlite("/srv/user.db"));
        assert_eq!(settings.video.database, sqlite("/other/v.db"));
    }

    #[test]
    fn all_faults_are_told_at_once_with_their_places() {
        let file = "mode = 3\nnothing = 1\n[http]\nlisten = \"localhost\"\nlisen = \"x\"\n[foo]\n";
        let error =
            load_file(file, &[("FANONE_CALLS__RPC_TIMEOUT_MS", "2s"), ("FANONE_MEDIA__URL", "ftp://b")])
                .unwrap_err()
                .to_string();
        for part in [
            "fanone.toml:1): expected a text, found a whole number",
            "nothing (file ",
            "fanone.toml:2): unknown; there are mode, data_dir, time_zone, http, admin,",
            "fanone.toml:4): \"localhost\" is wrong; expected IP:PORT",
            "fanone.toml:5): unknown key; [http] has listen, public_url,",
            "foo (file ",
            "calls.rpc_timeout_ms (environment FANONE_CALLS__RPC_TIMEOUT_MS): expected a whole number",
            "media.url (environment FANONE_MEDIA__URL): \"ftp://b\" is wrong; accepted: file:FOLDER, s3://",
        ] {
            assert!(error.contains(part), "{part:?} is missing in {error}");
        }
        assert!(error.starts_with("the settings have 7 fault(s):"), "{error}");
    }

    #[test]
    fn what_is_sound_can_be_asked_for_beside_the_faults() {
        let env = [("FANONE_CACHE__URL", "memcached://h"), ("FANONE_VIDEO__DATABASE", "sqlite:/v")];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let sound = Settings::sound(None, env.into_iter()).unwrap();
        assert_eq!((&*sound.cache.url, sound.video.database), ("memory:", sqlite("/v")));
    }

    #[test]
    fn parts_that_are_not_there_yet_are_refused_without_their_password() {
        let error = load(&[("FANONE_CACHE__URL", "rediss://me:hunter2@h")]).unwrap_err().to_string();
        assert!(error.contains("\"rediss://me:***@h\" is wrong; accepted: memory:, redis://"), "{error}");
    }

    #[test]
    fn shards_come_from_the_file_or_the_environment() {
        let file = "[user]\ndatabase = [{ urls = ['mysql://u:hunter2@a/d'] }, { urls = ['mysql://u:hunter2@b/d'] }]\n";
        let env = [("FANONE_VIDEO__DATABASE", "[{ urls = ['sqlite:/v0'] }, { urls = ['sqlite:/v1'] }]")];
        let settings = load_file(file, &env).unwrap();
        assert_eq!((settings.user.database.shards.len(), settings.video.database.shards.len()), (2, 2));
        let text = settings.render();
        assert!(text.contains("mysql://u:***@a/d") && !text.contains("hunter2"), "{text}");
        let found = problems(load(&[("FANONE_USER__DATABASE", "[{ urls = [] }, 3]")]));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(!problems(load(&[("FANONE_USER__DATABASE", "[oops hunter2")])).concat().contains("hunter2"));
    }

    #[test]
    fn broken_toml_is_told_by_line_without_its_content() {
        let error = load_file("mode = \"development\"\npassword = hunter2 !\n", &[]).unwrap_err().to_string();
        assert!(error.contains("fanone.toml:2: no valid TOML"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_file_that_is_not_there_is_a_fault() {
        let error = Settings::load(Some(Path::new("/nowhere/x.toml")), std::iter::empty()).unwrap_err();
        assert!(error.to_string().contains("file /nowhere/x.toml: can't be read"));
    }

    #[test]
    fn numbers_out_of_range_and_lives_that_do_not_fit_are_refused() {
        let found = problems(load(&[
            ("FANONE_HTTP__CONNECTIONS_MAX", "0"),
            ("FANONE_IDENTITY__REFRESH_TTL_S", "1"),
            ("FANONE_HTTP__TRUSTED_PROXIES", "10.0.0.1,proxy"),
        ]));
        assert_eq!(
            found,
            [
                "http.connections_max: 0 is out of range; expected 1 to 1000000",
                "http.trusted_proxies: \"proxy\" is wrong; expected IP addresses",
                "identity.refresh_ttl_s: must not be less than identity.access_ttl_s",
            ]
        );
    }

    #[test]
    fn a_batch_has_no_more_events_than_its_receiver_takes() {
        let found = problems(load(&[("FANONE_COUNTERS__BATCH_EVENTS", "10001")]));
        assert_eq!(found, ["counters.batch_events: 10001 is out of range; expected 1 to 10000"]);
    }

    #[test]
    fn production_leaves_no_secret_to_a_default() {
        let found = problems(load(&[("FANONE_MODE", "production")]));
        assert_eq!(found.len(), 2, "{found:?}");
        let env = [
            ("FANONE_MODE", "production"),
            ("FANONE_IDENTITY__KEYS", "/run/keys"),
            ("FANONE_HTTP__PUBLIC_URL", "https://v.example"),
        ];
        assert_eq!(load(&env).unwrap().identity.keys, PathBuf::from("/run/keys"));
    }

    #[test]
    fn only_a_bucket_can_be_redirected_to() {
        let redirect = ("FANONE_MEDIA__REDIRECT_S", "60");
        let expected = ["media.redirect_s: there is nothing to redirect to: media.url is no bucket of S3"];
        assert_eq!(problems(load(&[redirect])), expected);
        assert_eq!(load(&[redirect, ("FANONE_MEDIA__URL", "s3://media")]).unwrap().media.redirect_s, 60);
    }

    #[test]
    fn a_model_elsewhere_says_what_it_is_and_can_be_found() {
        let url = |text| ("FANONE_MODEL__URL", text);
        let found = problems(load(&[url("thrift://h:1?name=m")]));
        assert!(found.len() == 1 && found[0].contains("dimension is missing"), "{found:?}");
        let service = url("service:fanone.embedding?name=m&dimension=3");
        let found = problems(load(&[service]));
        assert_eq!(found, ["model.url: registry.url is memory:, which knows no other program"]);
        let registry = ("FANONE_REGISTRY__URL", "static:fanone.embedding=127.0.0.1:1");
        assert!(load(&[service, registry]).unwrap().model.previous.is_none());
        let found = problems(load(&[("FANONE_MODEL__PREVIOUS", "builtin:")]));
        assert_eq!(found, ["model.previous: is the same as model.url"]);
    }

    #[test]
    fn an_unspecified_address_is_published_as_this_machine() {
        let settings = load(&[("FANONE_HTTP__LISTEN", "0.0.0.0:80")]).unwrap();
        assert_eq!(settings.http.public_url, "http://127.0.0.1:80");
    }

    #[test]
    fn rendered_settings_name_their_origins_and_load_again() {
        let settings = load(&[("FANONE_COUNTERS__INTERVAL_MS", "60")]).unwrap();
        let text = settings.render();
        assert!(text.contains("# environment FANONE_COUNTERS__INTERVAL_MS\n"), "{text}");
        assert!(text.contains("# from data_dir\n"), "{text}");
        assert_eq!(load_file(&text, &[]).unwrap().counters.interval_ms, 60);
    }
}
