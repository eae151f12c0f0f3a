//! A crowd of users who like, comment, follow, publish and delete as fast as they can.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use fanone_tests::{Client, Code, Json as _, Request, Site, clips, unique};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::task::JoinHandle;

use crate::{audit, ledger::Ledger};

const PEOPLE: usize = 16;
const VIDEOS_EACH: usize = 2;
/// So that an audit doesn't take longer with every round.
const VIDEOS_MAX: usize = 60;
const COMMENTS_MAX: usize = 400;
/// How long somebody asks again whom a replica's end has left without an answer.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(100);

/// The users and what they can see to act upon.
pub(crate) struct Crowd {
    pub(crate) people: Vec<Person>,
    /// At the last look.
    pub(crate) seen: Option<audit::World>,
    sight: Arc<Sight>,
}

/// One user, who does one thing after the other.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) client: Client,
    /// What the answers said.
    pub(crate) ledger: Ledger,
    /// What the kill left without an answer: a client would try that again.
    unanswered: Option<Action>,
}

/// What there was at the last look. Some of it is gone by now: clients are never up to date.
#[derive(Default)]
struct Sight {
    people: Vec<String>,
    /// (id, author)
    videos: Vec<(String, String)>,
    /// (id, author)
    comments: Vec<(String, String)>,
}

/// What somebody does: to which id; on or off, or with which text, that nothing else has.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    LikeVideo(String, bool),
    LikeComment(String, bool),
    Follow(String, bool),
    Comment(String, String),
    Reply(String, String),
    DeleteComment(String),
    Publish(String),
    DeleteVideo(String),
}

impl Action {
    fn is_safe_to_repeat(&self) -> bool {
        matches!(self, Self::LikeVideo(..) | Self::LikeComment(..) | Self::Follow(..))
    }
}

/// What a storm's end looks like to those in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weather {
    /// The whole site goes: whoever gets no answer gives up.
    AllGoes,
    /// One of two goes at a time: whoever gets no answer goes on.
    OneGoes,
}

impl Crowd {
    pub(crate) async fn gather(site: &Site) -> Self {
        let mut people = Vec::new();
        for number in 0..PEOPLE {
            let client = site.user(&format!("user{number}")).await;
            for _ in 0..VIDEOS_EACH {
                client.publish("calm before the storm").await;
            }
            people.push(Person { client, ledger: Ledger::default(), unanswered: None });
        }
        let mut crowd = Self { people, seen: None, sight: Arc::default() };
        let seen = audit::World::read(&crowd).await;
        for (number, video) in seen.videos.keys().enumerate() {
            crowd.people[number % PEOPLE].client.comment(video, "first").await;
        }
        let seen = audit::World::read(&crowd).await;
        crowd.look_around(seen);
        crowd
    }

    /// Everybody sees what there is now.
    pub(crate) fn look_around(&mut self, seen: audit::World) {
        let author = |(id, row): (&String, &serde_json::Value)| (id.clone(), row.text("user_id"));
        self.sight = Arc::new(Sight {
            people: self.people.iter().map(|person| person.client.id.clone()).collect(),
            videos: seen.videos.iter().map(author).collect(),
            comments: seen.comments.iter().map(author).collect(),
        });
        self.seen = Some(seen);
        self.people.iter_mut().for_each(|person| person.ledger.look_around());
    }

    /// Lets everybody loose.
    pub(crate) fn rage(&self, seed: u64, weather: Weather) -> Storm {
        let over = Arc::new(AtomicBool::new(false));
        let tasks = self.people.iter().enumerate().map(|(number, person)| {
            let rng = StdRng::seed_from_u64(seed.wrapping_add(number as u64));
            tokio::spawn(act(person.clone(), self.sight.clone(), rng, over.clone(), weather))
        });
        Storm { tasks: tasks.collect(), over }
    }

    /// What a client does after a reconnect: an action that is safe to repeat is repeated.
    pub(crate) async fn repeat_what_was_not_answered(&mut self) {
        for person in &mut self.people {
            if let Some(action) = person.unanswered.take() {
                person.repeat(&action).await;
            }
        }
    }
}

/// A storm that rages until it is told to subside.
pub(crate) struct Storm {
    tasks: Vec<JoinHandle<(Person, u32)>>,
    over: Arc<AtomicBool>,
}

impl Storm {
    /// Waits for everybody to notice. How many changes were answered.
    pub(crate) async fn subside(self, crowd: &mut Crowd) -> u32 {
        self.over.store(true, Ordering::Relaxed);
        let mut changes = 0;
        for (task, person) in self.tasks.into_iter().zip(&mut crowd.people) {
            let (after, answered) = task.await.expect("the storm itself does not fail");
            *person = after;
            changes += answered;
        }
        changes
    }
}

async fn act(
    mut person: Person,
    sight: Arc<Sight>,
    mut rng: StdRng,
    over: Arc<AtomicBool>,
    weather: Weather,
) -> (Person, u32) {
    let mut answered = 0;
    while !over.load(Ordering::Relaxed) {
        let Some(action) = choose(&sight, &person.client.id, &mut rng) else { continue };
        person.ledger.asked(&action);
        match (person.once(&action).await, weather) {
            (Some(succeeded), _) => answered += u32::from(succeeded),
            (None, Weather::OneGoes) => person.repeat(&action).await,
            (None, Weather::AllGoes) => {
                person.unanswered = Some(action);
                break;
            }
        }
    }
    (person, answered)
}

/// The next thing to do; nothing when it would be about nothing.
fn choose(sight: &Sight, own_id: &str, rng: &mut StdRng) -> Option<Action> {
    let pick = |rng: &mut StdRng, rows: &[(String, String)]| {
        rows.get(rng.random_range(0..rows.len().max(1))).map(|(id, _)| id.clone())
    };
    // Mostly one's own, sometimes somebody else's, which is refused.
    let pick_own = |rng: &mut StdRng, rows: &[(String, String)]| {
        let own: Vec<_> = rows.iter().filter(|(_, author)| author == own_id).cloned().collect();
        if own.is_empty() || rng.random_bool(0.1) { pick(rng, rows) } else { pick(rng, &own) }
    };
    let on = rng.random_bool(0.6);
    Some(match rng.random_range(0..100) {
        0..30 => Action::LikeVideo(pick(rng, &sight.videos)?, on),
        30..50 => Action::LikeComment(pick(rng, &sight.comments)?, on),
        50..68 => Action::Follow(sight.people[rng.random_range(0..sight.people.len())].clone(), on),
        68..78 if sight.comments.len() < COMMENTS_MAX => {
            Action::Comment(pick(rng, &sight.videos)?, unique("c"))
        }
        78..88 if sight.comments.len() < COMMENTS_MAX => {
            Action::Reply(pick(rng, &sight.comments)?, unique("c"))
        }
        68..94 => Action::DeleteComment(pick_own(rng, &sight.comments)?),
        94..98 if sight.videos.len() < VIDEOS_MAX => Action::Publish(unique("v")),
        _ if sight.videos.len() > PEOPLE => Action::DeleteVideo(pick_own(rng, &sight.videos)?),
        _ => Action::Publish(unique("v")),
    })
}

impl Person {
    /// Asks. Whether it succeeded; nothing if that can't be known, or was put off.
    async fn once(&mut self, action: &Action) -> Option<bool> {
        let answer = self.request(action).try_send().await.ok()?;
        if answer.status == 503 && answer.code() == i64::from(Code::Unavailable.number()) {
            return None;
        }
        assert!(answer.status == 200 && answer.code() != 10001, "{}", answer.shown());
        self.ledger.answered(action, &answer);
        Some(answer.is_success())
    }

    /// Asks until there is an answer, if that is safe.
    async fn repeat(&mut self, action: &Action) {
        let begun = Instant::now();
        while action.is_safe_to_repeat() && self.once(action).await.is_none() {
            assert!(begun.elapsed() < PATIENCE, "no answer to {action:?} within {PATIENCE:?}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn request(&self, action: &Action) -> Request {
        let client = &self.client;
        let like = |on: bool| client.post("/like/action").with("action_type", if on { 1 } else { 2 });
        let comment = |text: &str| client.post("/comment/publish").with("content", text);
        match action {
            Action::LikeVideo(id, on) => like(*on).with("video_id", id),
            Action::LikeComment(id, on) => like(*on).with("comment_id", id),
            Action::Follow(id, on) => client
                .post("/relation/action")
                .with("to_user_id", id)
                .with("action_type", if *on { 0 } else { 1 }),
            Action::Comment(id, text) => comment(text).with("video_id", id),
            Action::Reply(id, text) => comment(text).with("comment_id", id),
            Action::DeleteComment(id) => client.delete("/comment/delete").with("comment_id", id),
            Action::Publish(title) => {
                client.post("/video/publish").with("title", title).file("clip.mp4", clips::clip(1))
            }
            Action::DeleteVideo(id) => client.delete("/video/delete").with("video_id", id),
        }
    }
}
