//! A crowd of users who like, comment, follow, publish and delete as fast as they can.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use fanone_tests::{Answer, Client, Json as _, Request, Site, clips};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::task::JoinHandle;

use crate::audit;

const PEOPLE: usize = 16;
const VIDEOS_EACH: usize = 2;
/// So that an audit doesn't take longer with every round.
const VIDEOS_MAX: usize = 60;
const COMMENTS_MAX: usize = 400;

/// The users and what they can see to act upon.
pub(crate) struct Crowd {
    pub(crate) people: Vec<Person>,
    sight: Arc<Sight>,
}

/// One user, who does one thing after the other.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) client: Client,
    /// What this user likes, by the answers. No list shows it, so the test keeps it itself.
    pub(crate) liked_comments: HashSet<String>,
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

#[derive(Clone, Debug)]
enum Action {
    LikeVideo(String, bool),
    LikeComment(String, bool),
    Follow(String, bool),
    Comment(String),
    Reply(String),
    DeleteComment(String),
    Publish,
    DeleteVideo(String),
}

impl Action {
    fn is_safe_to_repeat(&self) -> bool {
        matches!(self, Self::LikeVideo(..) | Self::LikeComment(..) | Self::Follow(..))
    }
}

impl Crowd {
    pub(crate) async fn gather(site: &Site) -> Self {
        let mut people = Vec::new();
        for number in 0..PEOPLE {
            let client = site.user(&format!("user{number}")).await;
            for _ in 0..VIDEOS_EACH {
                client.publish("calm before the storm").await;
            }
            people.push(Person { client, liked_comments: HashSet::new(), unanswered: None });
        }
        let mut crowd = Self { people, sight: Arc::default() };
        let seen = audit::World::read(&crowd).await;
        for (number, video) in seen.videos.keys().enumerate() {
            crowd.people[number % PEOPLE].client.comment(video, "first").await;
        }
        let seen = audit::World::read(&crowd).await;
        crowd.look_around(&seen);
        crowd
    }

    /// Everybody sees what there is now.
    pub(crate) fn look_around(&mut self, seen: &audit::World) {
        let author = |(id, row): (&String, &serde_json::Value)| (id.clone(), row.text("user_id"));
        self.sight = Arc::new(Sight {
            people: self.people.iter().map(|person| person.client.id.clone()).collect(),
            videos: seen.videos.iter().map(author).collect(),
            comments: seen.comments.iter().map(author).collect(),
        });
    }

    /// Lets everybody loose.
    pub(crate) fn rage(&self, seed: u64) -> Storm {
        let over = Arc::new(AtomicBool::new(false));
        let tasks = self.people.iter().enumerate().map(|(number, person)| {
            let rng = StdRng::seed_from_u64(seed.wrapping_add(number as u64));
            tokio::spawn(act(person.clone(), self.sight.clone(), rng, over.clone()))
        });
        Storm { tasks: tasks.collect(), over }
    }

    /// What a client does after a reconnect: an action that is safe to repeat is repeated.
    pub(crate) async fn repeat_what_was_not_answered(&mut self) {
        for person in &mut self.people {
            let action = person.unanswered.take().filter(Action::is_safe_to_repeat);
            if let Some(action) = action {
                let answer = person.request(&action).send().await;
                assert!(answer.status == 200 && answer.code() != 10001, "{}", answer.shown());
                person.note(&action, &answer);
            }
        }
    }
}

/// A storm that rages until the site is gone.
pub(crate) struct Storm {
    tasks: Vec<JoinHandle<(Person, u32)>>,
    over: Arc<AtomicBool>,
}

impl Storm {
    /// Waits for everybody to notice that the site is gone. How many changes were answered.
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

async fn act(mut person: Person, sight: Arc<Sight>, mut rng: StdRng, over: Arc<AtomicBool>) -> (Person, u32) {
    let mut answered = 0;
    while !over.load(Ordering::Relaxed) {
        let Some(action) = choose(&sight, &person.client.id, &mut rng) else { continue };
        match person.request(&action).try_send().await {
            Ok(answer) => {
                assert!(answer.status == 200 && answer.code() != 10001, "{}", answer.shown());
                person.note(&action, &answer);
                answered += u32::from(answer.is_success());
            }
            Err(_) => {
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
        68..78 if sight.comments.len() < COMMENTS_MAX => Action::Comment(pick(rng, &sight.videos)?),
        78..88 if sight.comments.len() < COMMENTS_MAX => Action::Reply(pick(rng, &sight.comments)?),
        68..94 => Action::DeleteComment(pick_own(rng, &sight.comments)?),
        94..98 if sight.videos.len() < VIDEOS_MAX => Action::Publish,
        _ if sight.videos.len() > PEOPLE => Action::DeleteVideo(pick_own(rng, &sight.videos)?),
        _ => Action::Publish,
    })
}

impl Person {
    fn request(&self, action: &Action) -> Request {
        let client = &self.client;
        let like = |on: bool| client.post("/like/action").with("action_type", if on { 1 } else { 2 });
        let comment = || client.post("/comment/publish").with("content", "in the storm");
        match action {
            Action::LikeVideo(id, on) => like(*on).with("video_id", id),
            Action::LikeComment(id, on) => like(*on).with("comment_id", id),
            Action::Follow(id, on) => client
                .post("/relation/action")
                .with("to_user_id", id)
                .with("action_type", if *on { 0 } else { 1 }),
            Action::Comment(id) => comment().with("video_id", id),
            Action::Reply(id) => comment().with("comment_id", id),
            Action::DeleteComment(id) => client.delete("/comment/delete").with("comment_id", id),
            Action::Publish => {
                client.post("/video/publish").with("title", "in the storm").file("clip.mp4", clips::clip(1))
            }
            Action::DeleteVideo(id) => client.delete("/video/delete").with("video_id", id),
        }
    }

    /// Remembers what the answer says about likes of comments.
    fn note(&mut self, action: &Action, answer: &Answer) {
        if let (Action::LikeComment(id, on), true) = (action, answer.is_success()) {
            if *on {
                self.liked_comments.insert(id.clone());
            } else {
                self.liked_comments.remove(id);
            }
        }
    }
}
