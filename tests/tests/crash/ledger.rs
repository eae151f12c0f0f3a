//! What the answers told one user, to be held against what is there: an acknowledged change is never lost.

use std::collections::{BTreeMap, BTreeSet};

use fanone_tests::{Answer, Json as _};

use crate::{
    audit::{User, World},
    storm::Action,
};

/// The acknowledged changes of one user, who does one thing after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    likes: BTreeMap<String, bool>,
    comment_likes: BTreeMap<String, bool>,
    follows: BTreeMap<String, bool>,
    /// Since the last look, by their texts: what they were written about. Nobody knows their ids yet.
    comments: BTreeMap<String, String>,
    /// Of videos published since the last look.
    titles: BTreeSet<String>,
    /// Ids, whatever the answer was, if there was one.
    asked_to_delete: BTreeSet<String>,
    deleted: BTreeSet<String>,
}

impl Ledger {
    /// Before an action: from here on it may happen.
    pub(crate) fn asked(&mut self, action: &Action) {
        match action {
            Action::LikeVideo(id, _) => _ = self.likes.remove(id),
            Action::LikeComment(..) => {}
            Action::Follow(id, _) => _ = self.follows.remove(id),
            Action::DeleteComment(id) | Action::DeleteVideo(id) => {
                _ = self.asked_to_delete.insert(id.clone());
            }
            Action::Comment(..) | Action::Reply(..) | Action::Publish(_) => {}
        }
    }

    /// After the answer: a success must stay.
    pub(crate) fn answered(&mut self, action: &Action, answer: &Answer) {
        if !answer.is_success() {
            return;
        }
        match action.clone() {
            Action::LikeVideo(id, on) => _ = self.likes.insert(id, on),
            Action::LikeComment(id, on) => _ = self.comment_likes.insert(id, on),
            Action::Follow(id, on) => _ = self.follows.insert(id, on),
            Action::Comment(target, text) | Action::Reply(target, text) => {
                _ = self.comments.insert(text, target);
            }
            Action::Publish(title) => _ = self.titles.insert(title),
            Action::DeleteComment(id) | Action::DeleteVideo(id) => _ = self.deleted.insert(id),
        }
    }

    /// No list shows who likes a comment.
    pub(crate) fn likes_comment(&self, id: &str) -> bool {
        self.comment_likes.get(id).copied().unwrap_or_default()
    }

    /// Whether this user wanted a row of this id to go.
    pub(crate) fn asked_to_delete(&self, id: &str) -> bool {
        self.asked_to_delete.contains(id)
    }

    /// From now on the ids of what was made are known.
    pub(crate) fn look_around(&mut self) {
        self.comments.clear();
        self.titles.clear();
    }

    /// Every acknowledged change that is not to be seen.
    pub(crate) fn lost(&self, own: &User, seen: &World) -> Vec<String> {
        let mut lost = Vec::new();
        let mut hold = |is_there: bool, what: String| {
            if !is_there {
                lost.push(what);
            }
        };
        for (id, on) in self.likes.iter().filter(|(id, _)| seen.videos.contains_key(*id)) {
            hold(own.likes.contains(id) == *on, format!("like {on} of video {id}"));
        }
        for (id, on) in &self.follows {
            hold(own.following.contains(id) == *on, format!("follow {on} of {id}"));
        }
        for (text, target) in self.comments.iter().filter(|(_, target)| seen.has(target)) {
            hold(
                seen.comments.values().any(|comment| comment.text("content") == *text),
                format!("comment {text} on {target}"),
            );
        }
        for title in &self.titles {
            hold(own.videos.iter().any(|video| video.text("title") == *title), format!("video {title}"));
        }
        for id in &self.deleted {
            hold(!seen.has(id), format!("deletion of {id}"));
        }
        lost
    }
}
