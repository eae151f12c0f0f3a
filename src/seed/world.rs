//! The texts of the seeded world.

use anyhow::Context;
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct World {
    pub(crate) users: Vec<String>,
    pub(crate) comments: Vec<String>,
    pub(crate) replies: Vec<String>,
    pub(crate) chats: Vec<String>,
    pub(crate) videos: Vec<Video>,
}

#[derive(Deserialize)]
pub(crate) struct Video {
    pub(crate) title: String,
    pub(crate) description: String,
}

impl World {
    pub(crate) fn load() -> anyhow::Result<Self> {
        toml::from_str(include_str!("../../assets/world.toml")).context("assets/world.toml")
    }
}
