//! The world that is measured: loaded videos, and users who can log in, made over HTTP like anybody.

use std::{collections::HashSet, net::SocketAddr};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::http_client::{fetch, fetch_whole, get, post_form};

/// Videos that everybody looks at.
pub(crate) const HOT: usize = 40;
/// Pages of the ranking are this long.
const PAGE: usize = 100;

#[derive(Default)]
pub(crate) struct World {
    /// A logged-in user for each connection.
    pub(crate) tokens: Vec<String>,
    /// The same users.
    pub(crate) user_ids: Vec<String>,
    /// Loaded videos, most visited first.
    pub(crate) videos: Vec<String>,
    /// Those with comments.
    pub(crate) commented: Vec<String>,
    /// Their authors, each once.
    pub(crate) authors: Vec<String>,
}

impl World {
    /// Makes `users` and looks up at most `videos` loaded videos. The names of the users begin with `name`, which nobody
    /// has used at this site.
    pub(crate) async fn prepare(
        site: SocketAddr,
        name: &str,
        users: usize,
        videos: usize,
    ) -> anyhow::Result<Self> {
        let mut world = Self::of_users(site, name, users).await?;
        let authors = world.add_popular(site, videos).await?;
        world.with_authors(authors)
    }

    /// As [`Self::prepare`], with all videos of `accounts` accounts that have some of the most visited.
    pub(crate) async fn prepare_of_accounts(
        site: SocketAddr,
        name: &str,
        users: usize,
        accounts: usize,
    ) -> anyhow::Result<Self> {
        let popular = Self::default().add_popular(site, 10 * PAGE).await?;
        let mut world = Self::of_users(site, name, users).await?;
        let mut authors = HashSet::new();
        for author in popular.iter().take(accounts) {
            world.add_page(site, &format!("/video/list?user_id={author}"), &mut authors).await?;
        }
        world.with_authors(authors)
    }

    /// Adds at most `videos` of the most visited videos, and says whose they are.
    async fn add_popular(&mut self, site: SocketAddr, videos: usize) -> anyhow::Result<HashSet<String>> {
        let mut authors = HashSet::new();
        for page in 0..videos.div_ceil(PAGE) {
            let more = self.add_page(site, &format!("/video/popular?page_num={page}"), &mut authors).await?;
            if more < PAGE {
                break;
            }
        }
        Ok(authors)
    }

    fn with_authors(mut self, authors: HashSet<String>) -> anyhow::Result<Self> {
        self.authors.extend(authors);
        ensure!(!self.commented.is_empty(), "too few videos: none has comments");
        Ok(self)
    }

    async fn of_users(site: SocketAddr, name: &str, users: usize) -> anyhow::Result<Self> {
        let mut world = Self::default();
        for number in 0..users.max(2) {
            let form = format!("username={name}-{number}&password=bench-password");
            fetch(site, post_form("/user/register", None, form.clone())).await?;
            let (head, body) = fetch_whole(site, post_form("/user/login", None, form)).await?;
            let token = head.headers().get("Access-Token").context("no Access-Token")?;
            world.tokens.push(token.to_str()?.to_owned());
            let body: Value = serde_json::from_slice(&body)?;
            world.user_ids.push(text(&body, "/data/id").context("no id of a user")?);
        }
        Ok(world)
    }

    /// Adds the videos of one answer, and says how many they were.
    async fn add_page(
        &mut self,
        site: SocketAddr,
        path: &str,
        authors: &mut HashSet<String>,
    ) -> anyhow::Result<usize> {
        let body: Value =
            serde_json::from_slice(&fetch(site, get(&format!("{path}&page_size={PAGE}"))).await?)?;
        let items = body.pointer("/data/items").and_then(Value::as_array).context("no videos")?;
        for item in items {
            self.add(item, authors).context("a video has no id, author or count")?;
        }
        Ok(items.len())
    }

    fn add(&mut self, video: &Value, authors: &mut HashSet<String>) -> Option<()> {
        let id = text(video, "/id")?;
        authors.insert(text(video, "/user_id")?);
        if video.pointer("/comment_count")?.as_i64()? > 0 {
            self.commented.push(id.clone());
        }
        self.videos.push(id);
        Some(())
    }

    /// The videos that everybody looks at.
    pub(crate) fn hot(&self) -> &[String] {
        self.videos.get(..HOT).unwrap_or(&self.videos)
    }
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer)?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_video_is_known_with_its_author_and_whether_it_has_comments() {
        let (mut world, mut authors) = (World::default(), HashSet::new());
        for (id, comments) in [("1", 0), ("2", 3)] {
            let video = serde_json::json!({ "id": id, "user_id": "7", "comment_count": comments });
            world.add(&video, &mut authors).unwrap();
        }
        assert_eq!((world.videos.len(), world.commented.as_slice()), (2, ["2".to_owned()].as_slice()));
        assert_eq!(authors.len(), 1);
        assert!(world.add(&serde_json::json!({ "id": 3 }), &mut authors).is_none());
    }
}
