//! What is measured.

use std::sync::Arc;

use crate::{
    http_client::{Outgoing, get, post_form},
    world::World,
};

/// Connections of a search: each takes the database's time for long.
const SEARCHERS: usize = 4;
/// Requests in a second where there are not enough different questions for more: a kept answer is at most a second old.
const PACE: f64 = 400.0;
/// The ranking has this many videos in the cache.
const RANKED: usize = 500;
/// In titles and descriptions of loaded videos, and in none of them.
const WORDS: [&str; 6] = ["galaxy", "pond", "%E9%9C%93%E8%99%B9", "camera", "Sunset", "zeppelin"];

/// The n-th request of a connection.
type Make = dyn Fn(usize, usize) -> Outgoing + Send + Sync;

#[derive(Clone)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    /// Reads are compared with the floor; writes stand for themselves.
    pub(crate) reads: bool,
    /// Connections at most.
    pub(crate) connections: usize,
    /// Requests in a second at most.
    pub(crate) pace: Option<f64>,
    make: Arc<Make>,
}

impl Operation {
    pub(crate) fn new(
        name: &'static str,
        reads: bool,
        make: impl Fn(usize, usize) -> Outgoing + Send + Sync + 'static,
    ) -> Self {
        Self { name, reads, connections: usize::MAX, pace: None, make: Arc::new(make) }
    }

    fn read(name: &'static str, path: String) -> Self {
        Self::new(name, true, move |_, _| get(&path))
    }

    /// A read that is asked about one of `ids` after the other, so many that none comes again while its rows are kept.
    fn spread(name: &'static str, path: &'static str, ids: &[String]) -> Self {
        let ids: Arc<[String]> = ids.into();
        Self::new(name, true, move |connection, turn| {
            get(&format!("{path}{}", spread(&ids, connection, turn)))
        })
    }

    pub(crate) fn request(&self, connection: usize, turn: usize) -> Outgoing {
        (self.make)(connection, turn)
    }
}

/// For the table.
pub(crate) fn all(world: &World) -> Vec<Operation> {
    let user = pick(&world.user_ids, 0);
    let (video, commented) = (pick(&world.videos, 0), pick(&world.commented, 0));
    vec![
        Operation::read("user info", format!("/user/info?user_id={user}")),
        Operation::spread("user info, uncached", "/user/info?user_id=", &world.authors),
        Operation::read("video info", format!("/video/info?video_id={video}")),
        Operation::spread("video info, uncached", "/video/info?video_id=", &world.videos),
        Operation::read("feed (30)", "/video/feed/".to_owned()),
        feed(),
        Operation::read("popular (1)", "/video/popular?page_size=1".to_owned()),
        Operation::read("popular (20)", "/video/popular?page_size=20".to_owned()),
        Operation::read("comment list (1)", format!("/comment/list?video_id={commented}&page_size=1")),
        Operation::read("comment list (20)", format!("/comment/list?video_id={commented}&page_size=20")),
        comment_list("comment list (20), uncached", world),
        search(),
        like(world.tokens.clone(), world.hot()),
        follow(world),
    ]
}

/// For the growth: the statement runs each time.
pub(crate) fn growing(world: &World) -> Vec<Operation> {
    vec![
        feed(),
        Operation::spread("video list (20)", "/video/list?page_size=20&user_id=", &world.authors),
        popular(),
        comment_list("comment list, uncached", world),
        like(world.tokens.clone(), &world.videos),
        search(),
    ]
}

/// No two of these are the same question.
fn feed() -> Operation {
    Operation::new("feed (30), uncached", true, |connection, turn| {
        get(&format!("/video/feed/?latest_time={}", 1 + connection * 10_000_000 + turn))
    })
}

/// Pages of 10 to 40 within the ranking: a few hundred different questions.
fn popular() -> Operation {
    let pages = (10..=40).flat_map(|size| (0..RANKED / size).map(move |page| (page, size)));
    let pages: Arc<[(usize, usize)]> = pages.collect();
    let mut popular = Operation::new("popular (10-40), uncached", true, move |connection, turn| {
        let (page, size) = pages.get((turn * 64 + connection) % pages.len()).copied().unwrap_or((0, 20));
        get(&format!("/video/popular?page_size={size}&page_num={page}"))
    });
    popular.pace = Some(PACE);
    popular
}

/// No video has more than 20 comments, so the answer is the same for each size from 20 on, and the question is not.
fn comment_list(name: &'static str, world: &World) -> Operation {
    let videos: Arc<[String]> = world.commented.as_slice().into();
    Operation::new(name, true, move |connection, turn| {
        let video = spread(&videos, connection, turn);
        let size = 20 + (connection + turn / videos.len().max(1)) % 81;
        get(&format!("/comment/list?video_id={video}&page_size={size}"))
    })
}

/// Words in turn; nothing of a search is kept.
fn search() -> Operation {
    let mut search = Operation::new("search (words)", true, |connection, turn| {
        let word = WORDS.get((connection + turn) % WORDS.len()).copied().unwrap_or_default();
        post_form("/video/search", None, format!("keywords={word}&page_num=0&page_size=20"))
    });
    search.connections = SEARCHERS;
    search
}

/// Each connection is a user of its own that likes one video after the other, then takes it back.
pub(crate) fn like(tokens: Vec<String>, videos: &[String]) -> Operation {
    let videos: Arc<[String]> = videos.into();
    Operation::new("like", false, move |connection, turn| {
        let token = pick(&tokens, connection);
        let video = spread(&videos, connection, turn);
        let action = 1 + (turn / videos.len().max(1)) % 2;
        post_form("/like/action", Some(token), format!("video_id={video}&action_type={action}"))
    })
}

fn follow(world: &World) -> Operation {
    let (tokens, users) = (world.tokens.clone(), world.user_ids.clone());
    Operation::new("follow", false, move |connection, turn| {
        // Never oneself: the step is 1 to n - 1.
        let others = users.len().max(2) - 1;
        let other = pick(&users, connection + 1 + turn % others);
        let action = (turn / others) % 2;
        let token = pick(&tokens, connection);
        post_form("/relation/action", Some(token), format!("to_user_id={other}&action_type={action}"))
    })
}

fn pick(list: &[String], number: usize) -> &str {
    list.get(number % list.len().max(1)).map_or("", String::as_str)
}

/// Each of 64 connections goes through the list from a place of its own.
fn spread(list: &[String], connection: usize, turn: usize) -> &str {
    pick(list, (connection % 64) * list.len() / 64 + turn)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn paths(operation: &Operation, connections: usize, turns: usize) -> Vec<String> {
        let all = (0..turns).flat_map(|turn| (0..connections).map(move |connection| (connection, turn)));
        all.map(|(connection, turn)| operation.request(connection, turn).uri().to_string()).collect()
    }

    fn world() -> World {
        let ids = |count: usize| (0..count).map(|id| id.to_string()).collect::<Vec<_>>();
        World {
            commented: ids(640),
            videos: ids(6400),
            authors: ids(3200),
            tokens: ids(64),
            user_ids: ids(64),
        }
    }

    #[test]
    fn no_question_comes_again_while_its_answer_is_kept() {
        let world = world();
        for (operation, different) in [
            (feed(), 64 * 100),
            (Operation::spread("video", "/video/info?video_id=", &world.videos), 6400),
            (comment_list("comments", &world), 64 * 100),
            (popular(), 400),
        ] {
            let paths = paths(&operation, 64, different / 64);
            let distinct: HashSet<&String> = paths.iter().collect();
            assert_eq!(distinct.len(), paths.len(), "{}", operation.name);
        }
    }

    #[test]
    fn nobody_follows_themselves() {
        for turn in 0..200 {
            let request = follow(&world()).request(5, turn);
            assert_eq!(request.headers()["Access-Token"], "5");
            assert_ne!(format!("{:?}", request.body()).matches("to_user_id=5&").count(), 1);
        }
    }
}
