//! The schema, step by step.

use fanone_store::{Migration, Step, moving::Table};

/// The schema of this service. An index ends with the primary key in every database, so `id` is not named in any.
pub const MIGRATIONS: &[Migration] = &[Migration {
    number: 1,
    name: "videos, uploads and visits",
    step: Step::Expand,
    statements: &[
        // In the shard of the author. Times are Unix milliseconds; deleted_at 0: live.
        "CREATE TABLE videos (id {key}, user_id BIGINT NOT NULL, video_key VARCHAR(200) NOT NULL, \
         cover_key VARCHAR(200) NOT NULL, title VARCHAR(100) NOT NULL, description VARCHAR(2000) NOT NULL, \
         visit_count BIGINT NOT NULL, like_count BIGINT NOT NULL, comment_count BIGINT NOT NULL, \
         created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, deleted_at BIGINT NOT NULL)",
        // videos::lock_by_key: a file is published once.
        "CREATE UNIQUE INDEX videos_by_key ON videos (video_key)",
        // Listing::newer_than and Listing::matching without a user: live videos, newest first, from and to a time.
        "CREATE INDEX videos_by_time ON videos (deleted_at, created_at)",
        // Listing::most_visited: live videos, most visited first.
        "CREATE INDEX videos_by_visits ON videos (deleted_at, visit_count)",
        // Listing::of_user and Listing::matching with a user: the same of one user.
        "CREATE INDEX videos_by_user ON videos (user_id, deleted_at, created_at)",
        // In the shard of the user. video_id 0: not published; expires_at 0: ended by the user.
        "CREATE TABLE uploads (id {key}, user_id BIGINT NOT NULL, length BIGINT NOT NULL, \
         title VARCHAR(100) NOT NULL, description VARCHAR(2000) NOT NULL, filename VARCHAR(255) NOT NULL, \
         created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, video_id BIGINT NOT NULL)",
        // uploads::count_since: what a user has begun in the last day.
        "CREATE INDEX uploads_by_user ON uploads (user_id, created_at)",
        // uploads::purge: the oldest, most of which have expired.
        "CREATE INDEX uploads_by_time ON uploads (created_at)",
        // In the shard of the video. id: names a video and a viewer.
        "CREATE TABLE visits (id {key}, counted_at BIGINT NOT NULL)",
        // visits::purge: the oldest.
        "CREATE INDEX visits_by_time ON visits (counted_at)",
    ],
}];

/// Every table, and the column whose bucket a row is in.
pub const TABLES: &[Table] = &[
    Table { name: "videos", bucket: "id", key: &["id"] },
    Table { name: "uploads", bucket: "id", key: &["id"] },
    Table { name: "visits", bucket: "id", key: &["id"] },
];
