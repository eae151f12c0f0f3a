//! The tables of this service and the SQL on them.

pub(crate) mod comments;
pub(crate) mod likes;

use fanone_store::{Migration, Step, moving::Table};

/// The schema, step by step.
pub const MIGRATIONS: &[Migration] = &[Migration {
    number: 1,
    name: "likes and comments",
    step: Step::Expand,
    statements: &[
        // In the shard of the user. kind: 1 video, 2 comment. `id` orders the likes of a user.
        "CREATE TABLE likes (user_id BIGINT NOT NULL, kind INT NOT NULL, target_id BIGINT NOT NULL, \
         id BIGINT NOT NULL, PRIMARY KEY (user_id, kind, target_id))",
        // likes::liked_videos: one user's likes of a kind, latest first.
        "CREATE INDEX likes_by_user ON likes (user_id, kind, id, target_id)",
        // In the shard of the video. parent_id: 0 at top level. depth: how many comments are above.
        "CREATE TABLE comments (id {key}, video_id BIGINT NOT NULL, parent_id BIGINT NOT NULL, depth INT NOT NULL, \
         user_id BIGINT NOT NULL, content VARCHAR(1000) NOT NULL, like_count BIGINT NOT NULL, \
         child_count BIGINT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, \
         deleted_at BIGINT NOT NULL)",
        // comments::list: a video's top level or one comment's replies, newest first.
        // comments::replies: what hangs below comments that are being deleted.
        "CREATE INDEX comments_by_parent ON comments (video_id, parent_id, deleted_at, id)",
    ],
}];

/// Every table, and the column whose bucket a row is in.
pub const TABLES: &[Table] = &[
    Table { name: "likes", bucket: "user_id", key: &["user_id", "kind", "target_id"] },
    Table { name: "comments", bucket: "id", key: &["id"] },
];
