//! What is measured.

use http::Method;

use crate::{
    http_client::{Outgoing, get, post_form},
    world::World,
};

/// The n-th request of a connection.
type Make = Box<dyn Fn(usize, usize) -> Outgoing + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    /// Reads are compared with the floor; writes stand for themselves.
    pub(crate) reads: bool,
    make: std::sync::Arc<Make>,
}

impl Operation {
    fn new(
        name: &'static str,
        reads: bool,
        make: impl Fn(usize, usize) -> Outgoing + Send + Sync + 'static,
    ) -> Self {
        Self { name, reads, make: std::sync::Arc::new(Box::new(make)) }
    }

    fn read(name: &'static str, path: String) -> Self {
        Self::new(name, true, move |_, _| get(&path))
    }

    pub(crate) fn request(&self, connection: usize, turn: usize) -> Outgoing {
        (self.make)(connection, turn)
    }
}

pub(crate) fn all(world: &World) -> Vec<Operation> {
    let (user, video) = (world.user_ids.first().cloned(), world.video_ids.first().cloned());
    let (user, video) = (user.unwrap_or_default(), video.unwrap_or_default());
    vec![
        Operation::read("user info", format!("/user/info?user_id={user}")),
        Operation::read("video info", format!("/video/info?video_id={video}")),
        Operation::read("feed (30)", "/video/feed/".to_owned()),
        // No two of these are the same question, so each is asked of the database.
        Operation::new("feed (30), uncached", true, |connection, turn| {
            get(&format!("/video/feed/?latest_time={}", 1 + connection * 10_000_000 + turn))
        }),
        Operation::read("popular (1)", "/video/popular?page_size=1".to_owned()),
        Operation::read("popular (20)", "/video/popular?page_size=20".to_owned()),
        Operation::read("comment list (1)", format!("/comment/list?video_id={video}&page_size=1")),
        Operation::read("comment list (20)", format!("/comment/list?video_id={video}&page_size=20")),
        like(world),
        follow(world),
    ]
}

/// Each connection is a user of its own that likes one video after the other, then takes it back.
pub(crate) fn like(world: &World) -> Operation {
    let (tokens, videos) = (world.tokens.clone(), world.video_ids.clone());
    Operation::new("like", false, move |connection, turn| {
        let token = pick(&tokens, connection);
        let video = pick(&videos, turn);
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

/// A multipart request with one file and some fields.
pub(crate) fn multipart(
    path: &str,
    method: Method,
    token: &str,
    file: &[u8],
    fields: &[(&str, &str)],
) -> Outgoing {
    const BOUNDARY: &str = "fanone-bench-boundary";
    let mut body = Vec::with_capacity(file.len() + 1024);
    for (name, value) in fields {
        let part =
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"data\"; filename=\"clip.mp4\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(file);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    crate::http_client::request(method, path, Some(token), &kind, body.into())
}
