//! The texts of the seeded world.

use anyhow::Context;
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct World {
    pub(crate) users: Vec<String>,
    pub(crate) comments: Vec<String>,
    pub(crate) replies: Vec<String>,
    pub(crate) chats: Vec<String>,
    /// Of the videos, in turn.
    pub(crate) descriptions: Vec<String>,
    /// The titles of the videos, in the order of the clips.
    #[serde(skip)]
    pub(crate) titles: Vec<&'static str>,
}

impl World {
    pub(crate) fn load() -> anyhow::Result<Self> {
        let mut world: Self =
            toml::from_str(include_str!("../../assets/world.toml")).context("assets/world.toml")?;
        let lines = include_str!("../../assets/clips/clips.txt").lines();
        let clips = lines.filter(|line| !line.starts_with('#'));
        world.titles = clips.filter_map(|line| Some(line.split_once('|')?.0.trim())).collect();
        Ok(world)
    }
}
