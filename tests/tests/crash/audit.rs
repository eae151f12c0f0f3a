//! Every row that HTTP lists, and every count that HTTP shows beside them.

use std::collections::{BTreeMap, BTreeSet};

use fanone_tests::{Client, Json as _};
use futures::{StreamExt as _, stream};
use serde_json::Value;

use crate::storm::Crowd;

/// Questions that are asked side by side.
const CONCURRENCY: usize = 8;

/// The whole site as somebody sees it who walks through all lists.
pub(crate) struct World {
    users: BTreeMap<String, User>,
    /// The live videos by id.
    pub(crate) videos: BTreeMap<String, Value>,
    /// The live comments by id, at every depth.
    pub(crate) comments: BTreeMap<String, Value>,
}

pub(crate) struct User {
    info: Value,
    pub(crate) videos: Vec<Value>,
    pub(crate) likes: BTreeSet<String>,
    pub(crate) following: BTreeSet<String>,
    followers: BTreeSet<String>,
}

impl World {
    pub(crate) async fn read(crowd: &Crowd) -> Self {
        let reads = crowd.people.iter().map(|person| User::read(&person.client));
        let users: Vec<User> = stream::iter(reads).buffer_unordered(CONCURRENCY).collect().await;
        let videos: BTreeMap<_, _> = users
            .iter()
            .flat_map(|user| user.videos.clone())
            .map(|video| (video.text("id"), video))
            .collect();
        let reader = &crowd.people[0].client;
        let walks = videos.keys().map(|video| comments_below(reader, video));
        let comments: Vec<Vec<Value>> = stream::iter(walks).buffer_unordered(CONCURRENCY).collect().await;
        Self {
            users: users.into_iter().map(|user| (user.info.text("id"), user)).collect(),
            videos,
            comments: comments.into_iter().flatten().map(|comment| (comment.text("id"), comment)).collect(),
        }
    }

    /// Every count that is not the number of its rows.
    pub(crate) fn differences(&self, crowd: &Crowd) -> Vec<String> {
        let mut found = Vec::new();
        let mut hold = |what: &str, row: &Value, count: &str, rows: usize| {
            let shown = row.count(count);
            if shown != rows as i64 {
                found.push(format!("{what} {}: {count} is {shown}, rows are {rows}", row.text("id")));
            }
        };
        for (id, video) in &self.videos {
            hold("video", video, "like_count", self.likes_of(id));
            let comments = self.comments.values().filter(|comment| comment.text("video_id") == *id).count();
            hold("video", video, "comment_count", comments);
        }
        for (id, comment) in &self.comments {
            let replies = self.comments.values().filter(|reply| reply.text("parent_id") == *id).count();
            hold("comment", comment, "child_count", replies);
            let likes = crowd.people.iter().filter(|person| person.ledger.likes_comment(id)).count();
            hold("comment", comment, "like_count", likes);
        }
        for user in self.users.values() {
            hold("user", &user.info, "video_count", user.videos.len());
            let likes = user.videos.iter().map(|video| self.likes_of(&video.text("id"))).sum();
            hold("user", &user.info, "like_count", likes);
            hold("user", &user.info, "following_count", user.following.len());
            hold("user", &user.info, "follower_count", user.followers.len());
        }
        found.extend(self.one_sided_follows());
        found.extend(self.lost(crowd));
        found
    }

    /// Every acknowledged change that is not to be seen, and every row that is gone although nobody wanted it to go.
    fn lost(&self, crowd: &Crowd) -> Vec<String> {
        let mut lost = Vec::new();
        for person in &crowd.people {
            if let Some(own) = self.users.get(&person.client.id) {
                let of_person = person.ledger.lost(own, self);
                lost.extend(of_person.into_iter().map(|what| format!("{} lost: {what}", person.client.name)));
            }
        }
        let wanted = |id: &str| crowd.people.iter().any(|person| person.ledger.asked_to_delete(id));
        let Some(before) = &crowd.seen else { return lost };
        for id in before.videos.keys().filter(|id| !self.has(id) && !wanted(id)) {
            lost.push(format!("video {id} is lost"));
        }
        for (id, comment) in before.comments.iter().filter(|(id, _)| !self.has(id) && !wanted(id)) {
            // With its video or what it replies to it goes as well.
            let parent = comment.text("parent_id");
            let parent_is_there = parent == "0" || self.has(&parent);
            if self.has(&comment.text("video_id")) && parent_is_there {
                lost.push(format!("comment {id} is lost"));
            }
        }
        lost
    }

    /// Whether this is the id of a video or a comment that is there.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.videos.contains_key(id) || self.comments.contains_key(id)
    }

    fn likes_of(&self, video_id: &str) -> usize {
        self.users.values().filter(|user| user.likes.contains(video_id)).count()
    }

    /// A follow is one row that shows in two lists.
    fn one_sided_follows(&self) -> impl Iterator<Item = String> {
        let pairs = self
            .users
            .iter()
            .flat_map(|(from, one)| self.users.iter().map(move |(to, other)| (from, one, to, other)));
        pairs
            .filter(|(from, one, to, other)| one.following.contains(*to) != other.followers.contains(*from))
            .map(|(from, _, to, _)| format!("{from} and {to} disagree on a follow"))
    }

    pub(crate) fn summary(&self) -> String {
        let likes: usize = self.users.values().map(|user| user.likes.len()).sum();
        let follows: usize = self.users.values().map(|user| user.following.len()).sum();
        let (videos, comments) = (self.videos.len(), self.comments.len());
        format!("{videos} videos, {likes} likes, {comments} comments, {follows} follows")
    }
}

impl User {
    async fn read(client: &Client) -> Self {
        let id = &client.id;
        let ids = |rows: Vec<Value>| rows.iter().map(|row| row.text("id")).collect();
        Self {
            info: client.user_info(id).await,
            videos: client.all_pages("/video/list", "user_id", id).await,
            likes: ids(client.all_pages("/like/list", "user_id", id).await),
            following: ids(client.all_pages("/following/list", "user_id", id).await),
            followers: ids(client.all_pages("/follower/list", "user_id", id).await),
        }
    }
}

/// All comments of a video: the top level, then the replies to each, whatever its count says.
async fn comments_below(reader: &Client, video_id: &str) -> Vec<Value> {
    let mut found = page_by_page(reader, "video_id", video_id).await;
    let mut next = 0;
    while let Some(comment) = found.get(next) {
        let replies = page_by_page(reader, "comment_id", &comment.text("id")).await;
        found.extend(replies);
        next += 1;
    }
    found
}

/// Comments are never left out of a page, so a short page is the last.
async fn page_by_page(reader: &Client, field: &str, id: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    for num in 0.. {
        let request = reader.get("/comment/list").with(field, id).page(num, 100);
        let page = request.send().await.success().items();
        let is_last = page.len() < 100;
        rows.extend(page);
        if is_last {
            break;
        }
    }
    rows
}
