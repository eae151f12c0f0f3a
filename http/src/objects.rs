//! The objects in answers, made from the rows that the services bring.

use fanone_base::time;
use fanone_config::Settings;
use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use volo::FastStr;
use volo_gen::fanone::{interaction, social, user, video};

/// A user, without anything secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct User {
    #[serde(serialize_with = "id")]
    #[schema(value_type = String, example = "3820119283716608")]
    pub(crate) id: i64,
    #[schema(value_type = String, example = "alice")]
    pub(crate) username: FastStr,
    /// Empty: none yet.
    #[schema(example = "http://127.0.0.1:8080/media/avatar/3820119283716608.jpg")]
    pub(crate) avatar_url: String,
    /// Videos that are up.
    pub(crate) video_count: i64,
    /// Likes received.
    pub(crate) like_count: i64,
    pub(crate) following_count: i64,
    pub(crate) follower_count: i64,
    #[schema(example = "2026-11-23 20:15:00")]
    pub(crate) created_at: String,
    #[schema(example = "2026-11-23 20:15:00")]
    pub(crate) updated_at: String,
    /// Empty: not deleted.
    #[schema(example = "")]
    pub(crate) deleted_at: String,
}

/// A video.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Video {
    #[serde(serialize_with = "id")]
    #[schema(value_type = String, example = "3820119283716608")]
    pub(crate) id: i64,
    #[serde(serialize_with = "id")]
    #[schema(value_type = String, example = "3820119283716608")]
    pub(crate) user_id: i64,
    #[schema(example = "http://127.0.0.1:8080/media/video/3820119283716608.mp4")]
    pub(crate) video_url: String,
    #[schema(example = "http://127.0.0.1:8080/media/cover/3820119283716608.jpg")]
    pub(crate) cover_url: String,
    #[schema(value_type = String, example = "A walk in the snow")]
    pub(crate) title: FastStr,
    #[schema(value_type = String, example = "")]
    pub(crate) description: FastStr,
    pub(crate) visit_count: i64,
    pub(crate) like_count: i64,
    /// Replies count too.
    pub(crate) comment_count: i64,
    #[schema(example = "2026-11-23 20:15:00")]
    pub(crate) created_at: String,
    #[schema(example = "2026-11-23 20:15:00")]
    pub(crate) updated_at: String,
    /// Empty: not deleted.
    #[schema(example = "")]
    pub(crate) deleted_at: String,
}

/// A comment, on a video or on another comment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Comment {
    #[serde(serialize_with = "id")]
    #[schema(value_type = String, example = "3820119283716608")]
    pub(crate) id: i64,
    #[serde(serialize_with = "id")]
    #[schema(value_type = String, example = "3820119283716608")]
    pub(crate) user_id: i64,
    #[serde(serialize_with = "id")]
    #[schema(value_type = String, example = "3820119283716608")]
    pub(crate) video_id: i64,
    /// Empty at top level.
    #[serde(serialize_with = "id_or_empty")]
    #[schema(value_type = String, example = "")]
    pub(crate) parent_id: Option<i64>,
    pub(crate) like_count: i64,
    /// Direct replies.
    pub(crate) child_count: i64,
    #[schema(value_type = String, example = "Nice!")]
    pub(crate) content: FastStr,
    #[schema(example = "2026-11-23 20:15:00")]
    pub(crate) created_at: String,
    #[schema(example = "2026-11-23 20:15:00")]
    pub(crate) updated_at: String,
    /// Empty: not deleted.
    #[schema(example = "")]
    pub(crate) deleted_at: String,
}

/// A user in a list of followers, friends or members.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Social {
    #[serde(serialize_with = "id")]
    #[schema(value_type = String, example = "3820119283716608")]
    pub(crate) id: i64,
    #[schema(value_type = String, example = "alice")]
    pub(crate) username: FastStr,
    /// Empty: none yet.
    #[schema(example = "")]
    pub(crate) avatar_url: String,
}

/// A chat message. It has `to_user_id` or `group_id`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Message {
    #[serde(serialize_with = "id")]
    #[schema(value_type = String, example = "3820119283716608")]
    pub(crate) id: i64,
    #[serde(serialize_with = "id")]
    #[schema(value_type = String, example = "3820119283716608")]
    pub(crate) from_user_id: i64,
    #[serde(serialize_with = "id_or_empty", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, example = "3820119283716608")]
    pub(crate) to_user_id: Option<i64>,
    #[serde(serialize_with = "id_or_empty", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, example = "3820119283716608")]
    pub(crate) group_id: Option<i64>,
    #[schema(value_type = String, example = "Hello!")]
    pub(crate) content: FastStr,
    #[schema(example = "2026-11-23 20:15:00")]
    pub(crate) created_at: String,
}

/// A chat group.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Group {
    #[serde(serialize_with = "id")]
    #[schema(value_type = String, example = "3820119283716608")]
    pub(crate) id: i64,
    #[schema(value_type = String, example = "Snow friends")]
    pub(crate) name: FastStr,
    #[serde(serialize_with = "id")]
    #[schema(value_type = String, example = "3820119283716608")]
    pub(crate) owner_id: i64,
    pub(crate) member_count: i64,
    #[schema(example = "2026-11-23 20:15:00")]
    pub(crate) created_at: String,
}

/// A picture like the one that was sent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PictureMatch {
    #[schema(example = "http://127.0.0.1:8080/media/cover/3820119283716608.jpg")]
    pub(crate) url: String,
    /// The cosine of the two pictures' vectors: 1 is equal.
    #[schema(example = 0.98)]
    pub(crate) score: f64,
    #[schema(example = "cover")]
    pub(crate) kind: PictureKind,
    /// Whose avatar, or the author of the video.
    #[serde(serialize_with = "id")]
    #[schema(value_type = String, example = "3820119283716608")]
    pub(crate) user_id: i64,
    /// Empty for an avatar.
    #[serde(serialize_with = "id_or_empty")]
    #[schema(value_type = String, example = "3820119283716608")]
    pub(crate) video_id: Option<i64>,
}

/// What a picture is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PictureKind {
    /// A user.
    Avatar,
    /// A video.
    Cover,
}

/// A list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Items<T> {
    pub(crate) items: Vec<T>,
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Listing<T> {
    pub(crate) items: Vec<T>,
    /// All matches, on every page.
    pub(crate) total: i64,
}

/// How rows are shown: times in the site's zone, media as URLs.
pub(crate) struct View {
    zone: TimeZone,
    /// Ends with `/media/`.
    media: String,
}

impl View {
    pub(crate) fn new(settings: &Settings) -> Self {
        let public = settings.http.public_url.trim_end_matches('/');
        Self { zone: settings.time_zone.clone(), media: format!("{public}/media/") }
    }

    /// The URL of a media object; empty for none.
    pub(crate) fn url(&self, key: &str) -> String {
        if key.is_empty() { String::new() } else { [self.media.as_str(), key].concat() }
    }

    pub(crate) fn time(&self, millis: i64) -> String {
        time::format(millis, &self.zone)
    }

    pub(crate) fn user(&self, row: user::User) -> User {
        User {
            id: row.id,
            username: row.username,
            avatar_url: self.url(&row.avatar),
            video_count: row.video_count,
            like_count: row.like_count,
            following_count: row.following_count,
            follower_count: row.follower_count,
            created_at: self.time(row.created_at),
            updated_at: self.time(row.updated_at),
            deleted_at: self.time(row.deleted_at),
        }
    }

    pub(crate) fn social(&self, row: user::User) -> Social {
        Social { id: row.id, username: row.username, avatar_url: self.url(&row.avatar) }
    }

    pub(crate) fn video(&self, row: video::Video) -> Video {
        Video {
            id: row.id,
            user_id: row.user_id,
            video_url: self.url(&row.video_key),
            cover_url: self.url(&row.cover_key),
            title: row.title,
            description: row.description,
            visit_count: row.visit_count,
            like_count: row.like_count,
            comment_count: row.comment_count,
            created_at: self.time(row.created_at),
            updated_at: self.time(row.updated_at),
            deleted_at: self.time(row.deleted_at),
        }
    }

    pub(crate) fn videos(&self, rows: Vec<video::Video>) -> Vec<Video> {
        rows.into_iter().map(|row| self.video(row)).collect()
    }

    pub(crate) fn comment(&self, row: interaction::Comment) -> Comment {
        Comment {
            id: row.id,
            user_id: row.user_id,
            video_id: row.video_id,
            parent_id: row.parent_id,
            like_count: row.like_count,
            child_count: row.child_count,
            content: row.content,
            created_at: self.time(row.created_at),
            updated_at: self.time(row.updated_at),
            deleted_at: self.time(row.deleted_at),
        }
    }

    pub(crate) fn message(&self, row: social::Message) -> Message {
        Message {
            id: row.id,
            from_user_id: row.from_user_id,
            to_user_id: row.to_user_id,
            group_id: row.group_id,
            content: row.content,
            created_at: self.time(row.created_at),
        }
    }

    pub(crate) fn group(&self, row: social::Group) -> Group {
        Group {
            id: row.id,
            name: row.name,
            owner_id: row.owner_id,
            member_count: row.member_count,
            created_at: self.time(row.created_at),
        }
    }

    pub(crate) fn picture(&self, row: user::PictureMatch) -> PictureMatch {
        PictureMatch {
            url: self.url(&row.key),
            score: row.score,
            kind: if row.video_id.is_some() { PictureKind::Cover } else { PictureKind::Avatar },
            user_id: row.user_id,
            video_id: row.video_id,
        }
    }
}

/// Ids leave as texts, because JavaScript has no 64-bit numbers.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for this signature")]
pub(crate) fn id<S: Serializer>(id: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

/// An id, or the empty text.
#[expect(clippy::ref_option, reason = "serde asks for this signature")]
pub(crate) fn id_or_empty<S: Serializer>(id: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    match id {
        Some(id) => serializer.collect_str(id),
        None => serializer.serialize_str(""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> View {
        View { zone: TimeZone::get("Asia/Shanghai").unwrap(), media: "http://h/media/".to_owned() }
    }

    #[test]
    fn ids_are_texts_and_times_are_local() {
        let row = interaction::Comment {
            id: 9_007_199_254_740_993,
            user_id: 2,
            video_id: 3,
            parent_id: None,
            like_count: 4,
            child_count: 5,
            content: "hi".into(),
            created_at: 1_700_000_000_000,
            updated_at: 1_700_000_000_000,
            deleted_at: 0,
        };
        let shown = serde_json::to_value(view().comment(row)).unwrap();
        assert_eq!(shown["id"], "9007199254740993");
        assert_eq!(shown["parent_id"], "");
        assert_eq!(shown["like_count"], 4);
        assert_eq!(shown["created_at"], "2023-11-15 06:13:20");
        assert_eq!(shown["deleted_at"], "");
    }

    #[test]
    fn a_media_key_becomes_a_url_and_none_stays_empty() {
        assert_eq!(view().url("a/1.jpg"), "http://h/media/a/1.jpg");
        assert_eq!(view().url(""), "");
    }
}
