//! Two processes of every role behind a plain round-robin. Only where there are two: one process has nobody to disagree with.

use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fanone_tests::{
    Chat, Client, Code, Json as _, Metrics, Site, client::PASSWORD, clips, eventually, eventually_within,
    tus, world::Form,
};
use futures::future::join_all;

use crate::mfa;

/// Within which a scheduled job has moved, and what a busy machine adds.
const MOVED: Duration = Duration::from_secs(10);
const MARGIN: Duration = Duration::from_secs(10);
/// How often a race is run.
const RACES: usize = 6;

/// The site that these tests share, where there are two of everything.
async fn site() -> Option<&'static Site> {
    match Form::of_run() {
        Form::Ten => Some(Site::shared().await),
        Form::One | Form::Five => None,
    }
}

/// `user` at each of the fronts.
fn at_both(site: &Site, user: &Client) -> [Client; 2] {
    let fronts = site.front_addresses();
    [user.at(&fronts[0]), user.at(&fronts[1])]
}

/// The places of the processes that hold the lease of `job`.
async fn holders(site: &Site, job: &str) -> Vec<usize> {
    let mut places = Vec::new();
    for (place, url) in site.admin_urls("/metrics").into_iter().enumerate() {
        // One that was killed does not answer.
        let Ok(answer) = reqwest::get(url).await else { continue };
        let metrics = Metrics::parse(&answer.text().await.unwrap_or_default());
        let is_lease = |name: &str| name == "fanone_job_leases";
        let of_job = metrics.samples.iter().filter(|one| is_lease(&one.name) && one.label("job_name") == job);
        places.extend(of_job.filter(|sample| sample.value > 0.0).map(|_| place));
    }
    places
}

async fn one_holder(site: &Site, job: &str) -> usize {
    eventually(&format!("one process runs {job}"), async || match holders(site, job).await[..] {
        [place] => Ok(place),
        ref other => Err(format!("{other:?}")),
    })
    .await
}

#[tokio::test]
async fn scheduled_jobs_run_in_one_process_at_a_time_and_move_when_it_is_killed() {
    const JOBS: [&str; 3] = ["interaction_to_video", "video_to_user", "social_to_user"];
    if Form::of_run() != Form::Ten {
        return;
    }
    let mut site = Site::start().await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let video = alice.publish("counted").await.text("id");
    for job in JOBS {
        let holder = one_holder(&site, job).await;
        site.kill_one(holder).await;
    }
    let killed = Instant::now();

    // The others answer at once; what is counted follows when the leases have moved.
    let like = async || bob.like_video(&video, 1).await;
    eventually(
        "a like is taken",
        async || if like().await.is_success() { Ok(()) } else { Err(String::new()) },
    )
    .await;
    let follow = async || bob.follow(&alice.id, 0).await;
    eventually(
        "a follow is taken",
        async || if follow().await.is_success() { Ok(()) } else { Err(String::new()) },
    )
    .await;
    eventually_within(MOVED + MARGIN, "the counts go on", async || {
        let (video, user) = (bob.get("/video/info").with("video_id", &video), alice.get("/user/info"));
        let (video, user) = (video.send().await, user.send().await);
        if !video.is_success() || !user.is_success() {
            return Err(format!("{} {}", video.shown(), user.shown()));
        }
        let (video, user) = (video.success(), user.success());
        let seen = (video.count("like_count"), user.count("like_count"), user.count("follower_count"));
        if seen == (1, 1, 1) { Ok(()) } else { Err(format!("{seen:?}")) }
    })
    .await;
    println!("the jobs had moved after {:?}", killed.elapsed());
    site.launch().await;
    for job in JOBS {
        one_holder(&site, job).await;
    }
}

#[tokio::test]
async fn a_message_reaches_its_receiver_at_the_other_front() {
    let Some(site) = site().await else { return };
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let fronts = site.front_addresses();
    let mut from_alice = Chat::connect_at(&fronts[0], &alice).await;
    let mut to_bob = Chat::connect_at(&fronts[1], &bob).await;
    for text in ["one", "two", "three"] {
        let sent = from_alice.say(&bob, text).await;
        assert_eq!(to_bob.push().await, sent);
    }
    let answered = to_bob.say(&alice, "back").await;
    assert_eq!(from_alice.push().await, answered);
}

#[tokio::test]
async fn an_upload_begun_at_one_front_goes_on_at_the_other_and_ends_there() {
    let Some(site) = site().await else { return };
    let alice = site.user("alice").await;
    let [one, other] = at_both(site, &alice);
    let (file, title) = (clips::padded(300_000), STANDARD.encode("in turns"));
    let path = |answer| {
        let location = tus::location(&answer);
        format!("/upload{}", location.split_once("/upload").unwrap().1)
    };
    let url = path(one.tus_create(300_000, &format!("title {title}")).send().await);

    let mut last = None;
    for (number, piece) in file.chunks(60_000).enumerate() {
        let (writer, reader) = if number % 2 == 0 { (&other, &one) } else { (&one, &other) };
        let offset = number as u64 * 60_000;
        assert_eq!(writer.tus_offset(&url).await, offset);
        let answer = writer.tus_patch(&url, offset, piece.to_vec()).send().await;
        assert_eq!(answer.status, 204, "{}", answer.shown());
        if offset + 60_000 < 300_000 {
            assert_eq!(reader.tus_offset(&url).await, offset + 60_000);
        }
        last = Some(answer);
    }

    let video = alice.video_info(last.unwrap().header("video-id")).await;
    let stored = alice.get(&video.text("video_url")).send().await;
    assert!(stored.status == 200 && stored.body == file, "{} bytes", stored.body.len());
}

#[tokio::test]
async fn one_code_at_both_fronts_at_once_opens_once() {
    let Some(site) = site().await else { return };
    for _ in 0..RACES {
        let alice = site.user("alice").await;
        let app = mfa::bind(&alice).await;
        let logins = at_both(site, &site.guest()).into_iter().cycle().take(4).map(|mut guest| {
            let (name, code) = (alice.name.clone(), app.code());
            async move { guest.login_with_code(&name, &code).await }
        });
        let answers = join_all(logins).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_success()).count(), 1);
        answers.iter().filter(|answer| !answer.is_success()).for_each(|answer| {
            answer.refused(Code::WrongMfaCode);
        });
    }
}

#[tokio::test]
async fn a_refresh_token_at_both_fronts_at_once_is_taken_once() {
    let Some(site) = site().await else { return };
    for _ in 0..RACES {
        let alice = site.user("alice").await;
        let refreshes = at_both(site, &alice).map(|at| async move { at.post("/auth/refresh").send().await });
        let answers = join_all(refreshes).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_success()).count(), 1);
        answers.iter().filter(|answer| !answer.is_success()).for_each(|answer| {
            answer.refused(Code::RefreshInvalid);
        });
    }
}

#[tokio::test]
async fn log_out_at_one_front_ends_the_session_at_the_other_at_once() {
    let Some(site) = site().await else { return };
    for turn in 0..2 {
        let mut alice = site.user("alice").await;
        let [one, other] = at_both(site, &alice);
        for at in [&one, &other] {
            at.get("/friends/list").send().await.success();
        }
        let (leaving, staying) = if turn == 0 { (&one, &other) } else { (&other, &one) };
        leaving.post("/auth/logout").send().await.success();
        staying.get("/friends/list").send().await.refused(Code::NotLoggedIn);
        staying.post("/auth/refresh").send().await.refused(Code::RefreshInvalid);
        let name = alice.name.clone();
        alice.login(&name, PASSWORD).await.success();
    }
}
