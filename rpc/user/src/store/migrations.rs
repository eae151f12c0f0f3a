//! The schema of the user service. Each index names the queries it is for; all others go by primary key.

use fanone_store::{Migration, Step, moving::Table};

/// Every step from an empty database to the present schema.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 1,
        name: "accounts, sessions, MFA and pictures",
        step: Step::Expand,
        statements: &[
            // `username_key` is compared byte by byte, whatever collation the database has for texts.
            // Counts are moved by batches of events. Failures and their last time make the lock after wrong passwords.
            "CREATE TABLE account (id {key}, username VARCHAR(32) NOT NULL, username_key VARBINARY(255) NOT NULL, \
         password VARCHAR(255) NOT NULL, avatar_id BIGINT NOT NULL, avatar VARCHAR(255) NOT NULL, \
         video_count BIGINT NOT NULL, like_count BIGINT NOT NULL, following_count BIGINT NOT NULL, \
         follower_count BIGINT NOT NULL, login_failures BIGINT NOT NULL, login_failed_at BIGINT NOT NULL, \
         created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, deleted_at BIGINT NOT NULL)",
            // Log-in and find by name; makes names unique, because all accounts of a name have one bucket.
            "CREATE UNIQUE INDEX account_by_name ON account (username_key)",
            // The session of a log-in; its tokens carry `id` and `generation`.
            "CREATE TABLE session (id {key}, user_id BIGINT NOT NULL, generation BIGINT NOT NULL, \
         expires_at BIGINT NOT NULL, revoked_at BIGINT NOT NULL, created_at BIGINT NOT NULL)",
            // The purge of expired sessions.
            "CREATE INDEX session_by_expiry ON session (expires_at)",
            // Secrets are sealed; an empty one is none.
            "CREATE TABLE mfa (user_id {key}, secret BLOB NOT NULL, bound_at BIGINT NOT NULL, \
         pending BLOB NOT NULL, pending_until BIGINT NOT NULL, last_step BIGINT NOT NULL, \
         failures BIGINT NOT NULL, failed_at BIGINT NOT NULL)",
            // Avatars under an id of their own, covers under that of the video; `video_id` is 0 for an avatar.
            "CREATE TABLE picture (id {key}, media_key VARCHAR(255) NOT NULL, user_id BIGINT NOT NULL, \
         video_id BIGINT NOT NULL, vector BLOB NOT NULL, model VARCHAR(64) NOT NULL, created_at BIGINT NOT NULL)",
        ],
    },
    Migration {
        number: 2,
        name: "pictures by time",
        step: Step::Expand,
        statements: &[
            // What other processes have added to the picture library: pictures::changed_since.
            "CREATE INDEX picture_by_time ON picture (created_at)",
        ],
    },
    Migration {
        number: 3,
        name: "pictures by model",
        step: Step::Expand,
        statements: &[
            // What a model has yet to describe, and whether there is anything: described::undescribed, is_complete.
            "CREATE INDEX picture_by_model ON picture (model)",
        ],
    },
];

/// Every table, and the column whose bucket a row is in.
pub const TABLES: &[Table] = &[
    Table { name: "account", bucket: "id", key: &["id"] },
    Table { name: "session", bucket: "id", key: &["id"] },
    Table { name: "mfa", bucket: "user_id", key: &["user_id"] },
    Table { name: "picture", bucket: "id", key: &["id"] },
];
