//! The small world that is measured: users, videos, comments, made over HTTP like anybody's.

use std::net::SocketAddr;

use anyhow::Context;
use http::Method;
use serde_json::Value;

use crate::{
    http_client::{fetch, fetch_whole, get, post_form},
    operations::multipart,
};

const VIDEOS: usize = 40;
const COMMENTS: usize = 40;
const CLIP: &[u8] = include_bytes!("../../../assets/clips/01.mp4");

pub(crate) struct World {
    /// A logged-in user for each connection.
    pub(crate) tokens: Vec<String>,
    pub(crate) user_ids: Vec<String>,
    pub(crate) video_ids: Vec<String>,
}

impl World {
    pub(crate) async fn prepare(site: SocketAddr, users: usize) -> anyhow::Result<Self> {
        let (mut tokens, mut user_ids) = (Vec::new(), Vec::new());
        for number in 0..users.max(2) {
            let form = format!("username=bench-{number}&password=bench-password");
            fetch(site, post_form("/user/register", None, form.clone())).await?;
            let (head, body) = fetch_whole(site, post_form("/user/login", None, form)).await?;
            let token = head.headers().get("Access-Token").context("no Access-Token")?;
            tokens.push(token.to_str()?.to_owned());
            user_ids.push(text(&body, "/data/id")?);
        }
        let author = tokens.first().cloned().unwrap_or_default();
        for number in 0..VIDEOS {
            let (title, about) = (format!("Video {number}"), "A video that is measured, not watched.");
            let fields = [("title", title.as_str()), ("description", about)];
            fetch(site, multipart("/video/publish", Method::POST, &author, CLIP, &fields)).await?;
        }
        let list = fetch(site, get(&format!("/video/popular?page_size={VIDEOS}"))).await?;
        let list: Value = serde_json::from_slice(&list)?;
        let items = list.pointer("/data/items").and_then(Value::as_array).context("no videos")?;
        let video_ids: Vec<String> =
            items.iter().filter_map(|item| item.get("id")?.as_str().map(str::to_owned)).collect();
        let video = video_ids.first().context("no video")?;
        for number in 0..COMMENTS {
            let form = format!("video_id={video}&content=This+is+comment+number+{number}");
            fetch(site, post_form("/comment/publish", Some(&author), form)).await?;
        }
        Ok(Self { tokens, user_ids, video_ids })
    }
}

fn text(body: &[u8], pointer: &str) -> anyhow::Result<String> {
    let body: Value = serde_json::from_slice(body)?;
    Ok(body.pointer(pointer).and_then(Value::as_str).context(pointer.to_owned())?.to_owned())
}
