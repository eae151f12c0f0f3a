//! `fanone seed`: fills a running site with a small, believable world, over HTTP like any client; or, for measuring, its
//! databases with many rows ([`bulk`]).

mod avatar;
mod bulk;
mod client;
mod clips;
mod world;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use fanone_config::Settings;

use client::{Client, User};
use world::World;

/// What `fanone seed` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The site to fill
    #[arg(long, default_value = "http://127.0.0.1:8080", conflicts_with = "videos")]
    url: String,
    /// The password of the made users; without it one is made up and printed
    #[arg(long, conflicts_with = "videos")]
    password: Option<String>,
    #[command(flatten)]
    amount: bulk::Amount,
}

const LIKES_OF_A_USER: usize = 14;
const FOLLOWS_OF_A_USER: usize = 6;
const COMMENTS_OF_A_VIDEO: usize = 3;
const VISITS_OF_A_USER: usize = 20;
const CHATS: usize = 8;

/// Fills the site, with a progress bar. The settings are those of the databases, for rows that go straight into them.
pub(crate) async fn run(
    options: Options,
    settings: impl FnOnce() -> anyhow::Result<Settings>,
) -> anyhow::Result<()> {
    if let Some(videos) = options.amount.videos {
        return bulk::run(&options.amount, videos, &settings()?).await;
    }
    let world = World::load()?;
    let mut seeder = Seeder {
        client: Client::new(&options.url)?,
        password: options.password.unwrap_or_else(|| made_up(12)),
        bar: progress(&world),
        // The same world each time.
        random: StdRng::seed_from_u64(60),
        users: Vec::new(),
        videos: Vec::new(),
    };
    seeder.sign_up(&world).await?;
    seeder.publish(&world).await?;
    seeder.watch_and_like().await?;
    seeder.comment(&world).await?;
    seeder.follow().await?;
    seeder.chat(&world).await?;
    seeder.bar.finish_and_clear();
    println!(
        "{} users, {} videos, with likes, comments, follows and chats.",
        world.users.len(),
        world.titles.len()
    );
    println!(
        "Look at {}/ and log in as {} with the password {}",
        options.url,
        world.users.join(", "),
        seeder.password
    );
    Ok(())
}

fn progress(world: &World) -> ProgressBar {
    let users = world.users.len();
    let steps = users * (1 + LIKES_OF_A_USER + VISITS_OF_A_USER + FOLLOWS_OF_A_USER)
        + world.titles.len() * (1 + COMMENTS_OF_A_VIDEO)
        + CHATS;
    bar(steps as u64)
}

fn bar(steps: u64) -> ProgressBar {
    let bar = ProgressBar::new(steps);
    if let Ok(style) = ProgressStyle::with_template("{msg:12} [{bar:40}] {pos}/{len}  {elapsed}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

/// A word of so many letters, which nobody can guess if they are many.
fn made_up(length: usize) -> String {
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
    let mut random = rand::rng();
    (0..length).filter_map(|_| LETTERS.choose(&mut random)).map(|letter| char::from(*letter)).collect()
}

struct Seeder {
    client: Client,
    password: String,
    bar: ProgressBar,
    random: StdRng,
    users: Vec<User>,
    videos: Vec<String>,
}

impl Seeder {
    async fn sign_up(&mut self, world: &World) -> anyhow::Result<()> {
        self.bar.set_message("users");
        for name in &world.users {
            self.client.register(name, &self.password).await?;
            let user = self.client.log_in(name, &self.password).await?;
            let picture = avatar::draw(self.random.next_u64())?;
            self.client.set_avatar(&user, picture).await?;
            self.users.push(user);
            self.bar.inc(1);
        }
        Ok(())
    }

    async fn publish(&mut self, world: &World) -> anyhow::Result<()> {
        self.bar.set_message("videos");
        let descriptions = world.descriptions.iter().cycle();
        for ((title, description), clip) in world.titles.iter().zip(descriptions).zip(clips::CLIPS) {
            let author = self.users.choose(&mut self.random).context("no users")?;
            self.client.publish(author, title, description, clip).await?;
            self.bar.inc(1);
        }
        self.videos = self.client.popular(world.titles.len()).await?;
        Ok(())
    }

    async fn watch_and_like(&mut self) -> anyhow::Result<()> {
        self.bar.set_message("likes");
        for user in &self.users {
            let seen: Vec<String> = sample(&self.videos, VISITS_OF_A_USER, &mut self.random);
            for (place, video) in seen.iter().enumerate() {
                self.client.visit(user, video).await?;
                self.bar.inc(1);
                if place < LIKES_OF_A_USER {
                    self.client.like(user, video).await?;
                    self.bar.inc(1);
                }
            }
        }
        Ok(())
    }

    async fn comment(&mut self, world: &World) -> anyhow::Result<()> {
        self.bar.set_message("comments");
        for video in &self.videos {
            for number in 0..COMMENTS_OF_A_VIDEO {
                let user = self.users.choose(&mut self.random).context("no users")?;
                let text = world.comments.choose(&mut self.random).context("no comments")?;
                self.client.comment(user, "video_id", video, text).await?;
                if number == 0 {
                    let first = self.client.first_comment(video).await?;
                    let other = self.users.choose(&mut self.random).context("no users")?;
                    let reply = world.replies.choose(&mut self.random).context("no replies")?;
                    self.client.comment(other, "comment_id", &first, reply).await?;
                }
                self.bar.inc(1);
            }
        }
        Ok(())
    }

    async fn follow(&mut self) -> anyhow::Result<()> {
        self.bar.set_message("follows");
        let ids: Vec<String> = self.users.iter().map(|user| user.id.clone()).collect();
        for user in &self.users {
            let others: Vec<String> = ids.iter().filter(|id| **id != user.id).cloned().collect();
            for other in sample(&others, FOLLOWS_OF_A_USER, &mut self.random) {
                self.client.follow(user, &other).await?;
                self.bar.inc(1);
            }
        }
        Ok(())
    }

    async fn chat(&mut self, world: &World) -> anyhow::Result<()> {
        self.bar.set_message("chats");
        for pair in self.users.windows(2).take(CHATS) {
            let [one, other] = pair else { continue };
            let lines = self.random.random_range(2..=world.chats.len());
            self.client.chat(one, other, world.chats.iter().take(lines)).await?;
            self.bar.inc(1);
        }
        Ok(())
    }
}

fn sample(from: &[String], count: usize, random: &mut impl Rng) -> Vec<String> {
    from.sample(random, count).cloned().collect()
}
