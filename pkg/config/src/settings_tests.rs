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
    let error = load_file(file, &[("FANONE_CALLS__RPC_TIMEOUT_MS", "2s"), ("FANONE_MEDIA__URL", "ftp://b")])
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
    let file =
        "[user]\ndatabase = [{ urls = ['mysql://u:hunter2@a/d'] }, { urls = ['mysql://u:hunter2@b/d'] }]\n";
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
