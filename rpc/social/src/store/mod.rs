//! The tables of this service and the SQL on them.

pub(crate) mod conversations;
pub(crate) mod follows;
pub(crate) mod groups;
pub(crate) mod members;
pub(crate) mod messages;

use fanone_store::{Migration, Step, moving::Table};

/// The schema, step by step.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 1,
        name: "follows",
        step: Step::Expand,
        statements: &[
            // In the shard of the one who follows. `id` orders the lists.
            "CREATE TABLE follows (from_user_id BIGINT NOT NULL, to_user_id BIGINT NOT NULL, id BIGINT NOT NULL, \
             PRIMARY KEY (from_user_id, to_user_id))",
            // follows::following, follows::count_following: whom one follows, latest first.
            "CREATE INDEX follows_by_from ON follows (from_user_id, id, to_user_id)",
            // follows::followers, follows::count_followers: who follows one, latest first.
            "CREATE INDEX follows_by_to ON follows (to_user_id, id, from_user_id)",
        ],
    },
    Migration {
        number: 2,
        name: "chat and groups",
        step: Step::Expand,
        statements: &[
            // Between two users: low_id and high_id are theirs. Of a group: 0 and the group's, which is also `id`.
            "CREATE TABLE conversations (id {key}, low_id BIGINT NOT NULL, high_id BIGINT NOT NULL, \
             last_message_id BIGINT NOT NULL, message_count BIGINT NOT NULL)",
            // conversations::find: the one conversation of two users, or of a group.
            "CREATE UNIQUE INDEX conversations_by_ends ON conversations (low_id, high_id)",
            // peer_id: the other user, 0 in a group. `id` orders the members of a group and the groups of a user.
            "CREATE TABLE members (conversation_id BIGINT NOT NULL, user_id BIGINT NOT NULL, peer_id BIGINT NOT NULL, \
             id BIGINT NOT NULL, last_read_id BIGINT NOT NULL, unread BIGINT NOT NULL, \
             PRIMARY KEY (conversation_id, user_id))",
            // members::unread: where a user has unread messages.
            "CREATE INDEX members_by_unread ON members (user_id, unread)",
            // groups::of_user, groups::count_of_user: a user's groups, joined last first.
            "CREATE INDEX members_by_user ON members (user_id, peer_id, id)",
            // seq: the sender's own name of the message. Bytes: a text column might fold its case.
            "CREATE TABLE messages (conversation_id BIGINT NOT NULL, id BIGINT NOT NULL, from_user_id BIGINT NOT NULL, \
             seq VARBINARY(64), content MEDIUMTEXT NOT NULL, created_at BIGINT NOT NULL, PRIMARY KEY (conversation_id, id))",
            // messages::find_sent: whether the sender has sent this already.
            "CREATE UNIQUE INDEX messages_by_seq ON messages (conversation_id, from_user_id, seq)",
            "CREATE TABLE chat_groups (id {key}, name VARCHAR(50) NOT NULL, owner_id BIGINT NOT NULL, \
             member_count BIGINT NOT NULL, created_at BIGINT NOT NULL, deleted_at BIGINT NOT NULL)",
        ],
    },
    Migration {
        number: 3,
        name: "members in the order of their lists",
        step: Step::Expand,
        statements: &[
            // members::list, members::oldest: who is in a conversation, in the order of joining.
            "CREATE INDEX members_by_joining ON members (conversation_id, id)",
            // The latest message while there is something unread; 0: there is nothing.
            "ALTER TABLE members ADD COLUMN unread_at BIGINT NOT NULL DEFAULT 0",
            "UPDATE members SET unread_at = COALESCE((SELECT last_message_id FROM conversations \
             WHERE conversations.id = members.conversation_id), 0) WHERE unread > 0",
            // members::unread: where a user has unread messages, latest message first.
            "CREATE INDEX members_by_latest ON members (user_id, unread_at)",
            "DROP INDEX members_by_unread ON members",
        ],
    },
];

/// Every table, and the column whose bucket a row is in.
pub const TABLES: &[Table] = &[
    Table { name: "follows", bucket: "from_user_id", key: &["from_user_id", "to_user_id"] },
    Table { name: "conversations", bucket: "id", key: &["id"] },
    Table { name: "members", bucket: "conversation_id", key: &["conversation_id", "user_id"] },
    Table { name: "messages", bucket: "conversation_id", key: &["conversation_id", "id"] },
    Table { name: "chat_groups", bucket: "id", key: &["id"] },
];
