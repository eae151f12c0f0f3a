//! `fanone seed --videos N`: many rows straight into the databases, for measuring. No file belongs to them.

mod plan;

use anyhow::Context;
use fanone_base::{Id, time};
use fanone_config::{Role, Settings};
use fanone_interaction::{CommentRow, LikeRow};
use fanone_media::{Folder, Key};
use fanone_store::Store;
use fanone_user::UserRow;
use fanone_video::VideoRow;
use futures::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;
use rand::RngExt;

use self::plan::Plan;
use super::{made_up, world::World};
use crate::outside;

/// How much is loaded.
#[derive(clap::Args)]
pub(crate) struct Amount {
    /// Load so many videos, with accounts, likes and comments, straight into the databases of the settings
    ///
    /// For measuring: rows only, without media files, so that nothing can be watched and there are no covers; nobody
    /// can log in as one of the accounts. Called again it adds as many more. The schema must be up to date
    /// (`fanone migrate`); a site on embedded databases should be stopped meanwhile.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(super) videos: Option<u32>,
    /// Videos for each account, about
    #[arg(long, value_name = "N", requires = "videos", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    videos_per_account: u32,
    /// Comments below every tenth video
    #[arg(long, value_name = "N", requires = "videos", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=100))]
    comments: u32,
}

/// Over which time the rows are spread.
const PAST_MS: i64 = 2 * 365 * 24 * 60 * 60 * 1000;
/// Accounts, or videos with what belongs to them, that are made at a time.
const BATCH: usize = 2000;
/// Batches that are stored at a time.
const AT_ONCE: usize = 4;

/// Loads so much into the databases of `settings`.
pub(super) async fn run(amount: &Amount, videos: u32, settings: &Settings) -> anyhow::Result<()> {
    let now = time::now_ms();
    let plan = Plan {
        seed: rand::random(),
        videos,
        authors: videos.div_ceil(amount.videos_per_account),
        comments: amount.comments,
        time: now - PAST_MS..now,
    };
    let world = World::load()?;
    let roles = [Role::User, Role::Video, Role::Interaction];
    let outside = outside::open(settings, &roles).await?;
    let bar = super::bar(u64::from(plan.authors) + u64::from(videos));
    bar.set_message("accounts");
    let authors = load_authors(&plan, &world, &outside.store(Role::User)?, &bar).await?;
    bar.set_message("videos");
    let loader = Loader {
        plan: &plan,
        world: &world,
        authors: &authors,
        videos: outside.store(Role::Video)?,
        interactions: outside.store(Role::Interaction)?,
    };
    let batches = stream::iter((0..videos).step_by(BATCH)).map(|first| loader.load(first));
    let mut batches = batches.buffer_unordered(AT_ONCE);
    while let Some(stored) = batches.try_next().await? {
        bar.inc(stored);
    }
    bar.finish_and_clear();
    println!(
        "{videos} videos more, of {} accounts that nobody can log in as, in {:.1?}.",
        plan.authors,
        bar.elapsed()
    );
    println!("They are rows only: there are no files to watch and no covers.");
    Ok(())
}

/// Stores the accounts with the counts of what is going to be theirs.
async fn load_authors(
    plan: &Plan,
    world: &World,
    store: &Store,
    bar: &ProgressBar,
) -> anyhow::Result<Vec<Id>> {
    // Of this run, so that the names of two runs differ.
    let run = made_up(6);
    let mut rows: Vec<UserRow> = (0..plan.authors)
        .zip(world.users.iter().cycle())
        .map(|(number, name)| UserRow {
            name: format!("{name} {run}{number}"),
            created_at: plan.author_since(number),
            videos: 0,
            likes: 0,
        })
        .collect();
    for number in 0..plan.videos {
        let video = plan.video(number);
        if let Some(author) = rows.get_mut(video.author as usize) {
            author.videos += 1;
            author.likes += count(video.likes.len());
        }
    }
    let mut ids = Vec::with_capacity(rows.len());
    for batch in rows.chunks(BATCH) {
        ids.extend(fanone_user::load(store, batch.to_vec()).await?);
        bar.inc(batch.len() as u64);
    }
    Ok(ids)
}

/// Stores videos with what belongs to them.
struct Loader<'a> {
    plan: &'a Plan,
    world: &'a World,
    authors: &'a [Id],
    videos: Store,
    interactions: Store,
}

#[derive(Default)]
struct Rows {
    videos: Vec<VideoRow>,
    comments: Vec<CommentRow>,
    likes: Vec<LikeRow>,
}

impl Loader<'_> {
    /// Stores a batch of videos from `first` on, and answers how many they are.
    async fn load(&self, first: u32) -> anyhow::Result<u64> {
        let rows = self.rows(first)?;
        let stored = rows.videos.len() as u64;
        fanone_video::load(&self.videos, rows.videos).await.context("storing videos")?;
        fanone_interaction::load(&self.interactions, rows.comments, rows.likes)
            .await
            .context("storing comments and likes")?;
        Ok(stored)
    }

    fn rows(&self, first: u32) -> anyhow::Result<Rows> {
        let mut rows = Rows::default();
        for number in (first..self.plan.videos).take(BATCH) {
            let sketch = self.plan.video(number);
            let author = self.author(sketch.author)?;
            let id = Id::at(sketch.made_at, author.bucket());
            for (fan, when) in &sketch.likes {
                let user = self.author(*fan)?;
                rows.likes.push(LikeRow { id: Id::at(*when, user.bucket()), user, video: id });
            }
            for (who, when) in &sketch.comments {
                rows.comments.push(CommentRow {
                    id: Id::at(*when, id.bucket()),
                    video: id,
                    user: self.author(*who)?,
                    content: any(&self.world.comments)?.clone(),
                });
            }
            rows.videos.push(VideoRow {
                id,
                author,
                video_key: Key::random(Folder::Videos, "mp4")?.to_string(),
                cover_key: Key::random(Folder::Covers, "jpg")?.to_string(),
                title: format!("{} {}", any(&self.world.titles)?, number + 1),
                description: any(&self.world.descriptions)?.clone(),
                visits: sketch.visits,
                likes: count(sketch.likes.len()),
                comments: count(sketch.comments.len()),
            });
        }
        Ok(rows)
    }

    fn author(&self, number: u32) -> anyhow::Result<Id> {
        self.authors.get(number as usize).copied().context("an author is missing")
    }
}

fn any<T>(of: &[T]) -> anyhow::Result<&T> {
    of.get(rand::rng().random_range(0..of.len().max(1))).context("assets/world.toml has an empty list")
}

fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
