//! A start with wrong settings, which ends with one message. What servers say only on a MariaDB and a Redis, one database
//! for each service; what a bucket is refused for only where there is one.

use fanone_tests::{
    Site,
    world::{World, is_bucket},
};

const PASSWORD: &str = "hunter2";

/// What the program says when it can't start with these settings over its own.
async fn refused(site: &Site, settings: &[(&str, &str)]) -> String {
    let output = site.command_output_with(&[], settings).await;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "it started: {told}");
    let shown = [told.clone(), String::from_utf8_lossy(&output.stdout).into_owned()].concat();
    for secret in [PASSWORD, &site.database_password(), &site.bucket_secret()] {
        assert!(!shown.contains(secret), "a password is in {shown}");
    }
    told
}

fn assert_tells(told: &str, parts: &[&str]) {
    let count = told.lines().filter(|line| line.starts_with("  - ")).count();
    assert_eq!(count, parts.len(), "{told}");
    for part in parts {
        let words: Vec<_> = part.split(" … ").collect();
        let is_told = told.lines().any(|line| words.iter().all(|word| line.contains(word)));
        assert!(is_told, "{part:?} is not in:\n{told}");
    }
}

#[tokio::test]
async fn what_the_settings_alone_show_is_told_at_once() {
    let site = Site::prepared(&[]).await;
    let shards = "[{ buckets = '0-511', urls = ['mysql://u:hunter2@h/a'] }, { buckets = '500-1000', urls = ['mysql://u:hunter2@h/b'] }]";
    let settings = [
        ("cache.url", "memcached://u:hunter2@h"),
        ("user.database", "oracle://u:hunter2@h/d"),
        ("video.database", shards),
    ];
    let told = refused(&site, &settings).await;
    assert_tells(
        &told,
        &[
            "cache.url (environment FANONE_CACHE__URL) … accepted: memory:, redis://",
            "user.database (environment FANONE_USER__DATABASE) … accepted: sqlite:PATH, mysql://",
            "video.database (environment FANONE_VIDEO__DATABASE) … no shard has the buckets 1001-1023",
            "video.database (environment FANONE_VIDEO__DATABASE) … more than one shard has the buckets 500-511",
        ],
    );
}

#[tokio::test]
async fn what_shows_when_the_servers_are_asked_is_told_at_once() {
    if World::of_run() != World::Real {
        return;
    }
    let mut site = Site::prepared(&[]).await;
    site.administer("video", "DELETE FROM migration WHERE component = 'video'");
    let newer = "INSERT INTO migration (component, number, name, applied_at, contract) VALUES ('interaction', 999, 'of a later version', 0, 1)";
    site.administer("interaction", newer);
    let (mine, wrong) = (site.setting("social.database"), format!(":{PASSWORD}@"));
    let with_wrong_password = mine.replace(&format!(":{}@", site.database_password()), &wrong);
    let cache = site.setting("cache.url");
    let (_, address) = cache.rsplit_once('@').unwrap();
    let cache = format!("redis://:{PASSWORD}@{address}");
    let settings = [
        ("cache.url", cache.as_str()),
        ("user.database", "mysql://u:hunter2@127.0.0.1:1/nobody"),
        ("social.database", &with_wrong_password),
    ];
    let told = refused(&site, &settings).await;
    assert_tells(
        &told,
        &[
            "cache.url (environment FANONE_CACHE__URL) … password",
            "user.database (environment FANONE_USER__DATABASE) … 127.0.0.1:1/nobody",
            "video.database (environment FANONE_VIDEO__DATABASE) … run `fanone migrate`",
            "interaction.database (environment FANONE_INTERACTION__DATABASE) … migration 999 … run a newer version",
            "social.database (environment FANONE_SOCIAL__DATABASE) … password",
        ],
    );
}

#[tokio::test]
async fn faults_of_the_settings_and_what_servers_say_come_in_one_message() {
    if World::of_run() != World::Real {
        return;
    }
    let site = Site::prepared(&[]).await;
    let settings = [
        ("counters.interval_ms", "soon"),
        ("social.database", "oracle://u:hunter2@h/d"),
        ("user.database", "mysql://u:hunter2@127.0.0.1:1/nobody"),
        ("cache.url", "redis://:hunter2@127.0.0.1:1"),
    ];
    let told = refused(&site, &settings).await;
    assert_tells(
        &told,
        &[
            "counters.interval_ms (environment FANONE_COUNTERS__INTERVAL_MS) … expected a whole number",
            "social.database (environment FANONE_SOCIAL__DATABASE) … accepted: sqlite:PATH, mysql://",
            "user.database (environment FANONE_USER__DATABASE) … 127.0.0.1:1/nobody",
            "cache.url (environment FANONE_CACHE__URL) … 127.0.0.1:1",
        ],
    );
}

#[tokio::test]
async fn a_database_that_holds_other_buckets_is_refused_and_so_is_a_cache_that_is_not_there() {
    if World::of_run() != World::Real {
        return;
    }
    let mut site = Site::prepared(&[]).await;
    site.administer("video", "DROP TABLE migration");
    let (user, other) = (site.setting("user.database"), site.setting("social.database"));
    let shards = format!("[{{ urls = ['{user}'] }}, {{ urls = ['{other}'] }}]");
    let settings = [("cache.url", "redis://:hunter2@127.0.0.1:1"), ("social.database", &shards)];
    let told = refused(&site, &settings).await;
    assert!(told.contains("FANONE_CACHE__URL") && told.contains("FANONE_VIDEO__DATABASE"), "{told}");
    let place = "social.database (environment FANONE_SOCIAL__DATABASE)";
    assert!(told.lines().any(|line| line.contains(place)), "{told}");
    assert!(told.contains("holds the buckets 0-1023, the settings give it 512-1023"), "{told}");
}

#[tokio::test]
async fn a_bucket_that_can_not_be_used_is_told_with_all_else() {
    if !is_bucket() {
        return;
    }
    let site = Site::prepared(&[]).await;
    let url = site.setting("media.url");
    let missing = url.replace("@fanone/", "@no-such-bucket/");
    let wrong = url.replace(&site.bucket_secret(), PASSWORD);
    let place = "media.url (environment FANONE_MEDIA__URL)";
    for (url, problem) in [
        (missing.as_str(), "there is no bucket \"no-such-bucket\""),
        (&wrong, "the S3 server refuses the credentials"),
        ("s3://key:hunter2@media?endpoint=http://127.0.0.1:1", "the S3 server failed … 127.0.0.1:1"),
        ("s3://key:hunter2@media?zone=1", "accepted: file:FOLDER, s3://"),
    ] {
        let told = refused(&site, &[("media.url", url)]).await;
        assert_tells(&told, &[&format!("{place} … {problem}")]);
    }
    let told = refused(&site, &[("media.url", &wrong), ("cache.url", "memcached://u:hunter2@h")]).await;
    assert_tells(&told, &["cache.url … accepted: memory:", &format!("{place} … credentials")]);
}
