//! Fills the tables as a large site would, so that the optimizer's choices are those of one, and so that everything a
//! person of the test does is among many rows: whoever a list belongs to has a long one.

use fanone_base::{Bucket, Id};
use fanone_tests::{Client, Mariadb};

use crate::SHARDS;

/// Ids of people and things in the filled tables.
pub(crate) struct World {
    /// Has thousands of videos, followers and messages.
    pub(crate) star: Id,
    /// Likes, follows and talks more than anybody.
    pub(crate) fan: Id,
    /// Of the star, with thousands of comments, one of which has thousands of replies.
    pub(crate) video: Id,
    /// The comment with the replies.
    pub(crate) comment: Id,
    /// With hundreds of members, the fan among them, and thousands of messages.
    pub(crate) group: Id,
}

impl World {
    pub(crate) fn of(star: &Client, fan: &Client) -> Self {
        let id = |person: &Client| Id(person.id.parse().unwrap());
        let (star, fan) = (id(star), id(fan));
        let bucket = star.bucket();
        let made = |n: i64| Id((n << 22) | i64::from(bucket.number()));
        Self { star, fan, video: made(700_000), comment: made(800_000), group: made(900_000) }
    }

    pub(crate) fn last_message_of_group(&self) -> i64 {
        self.group.0 + MESSAGES * 1024
    }
}

/// Fills every shard of every service.
pub(crate) fn fill(server: &Mariadb, world: &World) {
    for shard in 0..SHARDS {
        let fill = Fill { shard };
        for (service, statements) in [
            ("user", fill.user(world)),
            ("video", fill.video(world)),
            ("interaction", fill.interaction(world)),
            ("social", fill.social(world)),
        ] {
            let all = [statements, fill.outbox(service)].concat().join(";\n");
            server.sql(&format!("USE {service}_{shard};\nSET sql_mode = CONCAT(@@sql_mode, ',NO_UNSIGNED_SUBTRACTION'), unique_checks = 0;\nBEGIN;\n{all};\nCOMMIT"));
            let tables = server.sql(&format!("USE {service}_{shard}; SHOW TABLES"));
            let tables: Vec<&str> = tables.lines().collect();
            server.sql(&format!("USE {service}_{shard}; ANALYZE TABLE {}", tables.join(", ")));
        }
    }
}

/// In the group.
const MESSAGES: i64 = 20_000;

struct Fill {
    shard: u16,
}

/// Unix milliseconds, now.
const NOW: &str = "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)";

impl Fill {
    /// SQL for the `n`th id of a kind: in buckets of this shard, in the order of `n`.
    fn id(&self, kind: u32, n: &str) -> String {
        let (first, buckets) = (self.shard * Bucket::COUNT / SHARDS, Bucket::COUNT / SHARDS);
        format!("((({kind}0000000 + {n}) << 22) | ({first} + {n} % {buckets}))")
    }

    fn holds(&self, id: Id) -> bool {
        id.bucket().number() / (Bucket::COUNT / SHARDS) == self.shard
    }

    /// Rows that wait for their receivers, and many more that wait for somebody who is not there.
    fn outbox(&self, service: &str) -> Vec<String> {
        let waiting: &[(&str, i32)] = match service {
            "interaction" => &[("fanone.video", 1), ("fanone.interaction", 3)],
            "video" => &[("fanone.user", 5)],
            "social" => &[("fanone.user", 6)],
            _ => &[],
        };
        let rows = |destination: &str, kind: i32, count: u32| {
            let (id, values) = (self.id(1, "seq"), format!("'{destination}', 0, {kind}"));
            format!(
                "INSERT INTO outbox (destination, batch, kind, entity_id, delta, payload, created_at) \
                 SELECT {values}, {id}, 1, NULL, {NOW} - 1000 FROM seq_1_to_{count}"
            )
        };
        let waiting = waiting.iter().map(|(destination, kind)| rows(destination, *kind, 3000));
        // As in a new database: who sends to whom, and whose turn the jobs are, is written down anew.
        let forget = ["DELETE FROM outbox_batch", "DELETE FROM lease"].map(str::to_owned);
        waiting.chain([rows("fanone.nobody", 1, 40_000)]).chain(forget).collect()
    }

    fn user(&self, _: &World) -> Vec<String> {
        let id = |kind| self.id(kind, "seq");
        vec![
            format!(
                "INSERT INTO account SELECT {}, CONCAT('name', seq), CONCAT('name{}-', seq), 'x', 0, '', 1, 2, 3, 4, 0, 0, \
                 5, 6, 0 FROM seq_1_to_20000",
                id(1),
                self.shard
            ),
            format!(
                "INSERT INTO session SELECT {}, {}, 0, {NOW} + (seq - 1500) * 60000, 0, 1 FROM seq_1_to_40000",
                id(2),
                id(1)
            ),
            format!("INSERT INTO mfa SELECT {}, 'x', 1, '', 0, 0, 0, 0 FROM seq_1_to_10000", id(1)),
            format!(
                "INSERT INTO picture SELECT {}, 'key', {}, 0, REPEAT('x', 400), 'another model', 1 FROM seq_1_to_10000",
                id(2),
                id(1)
            ),
        ]
    }

    fn video(&self, world: &World) -> Vec<String> {
        let videos = |id: String, user: String, count: u32| {
            format!(
                "INSERT INTO videos SELECT {id}, {user}, CONCAT('key', {id}), 'cover', CONCAT('title ', seq), \
                 'a description', seq * 7919 % 5000, seq % 100, seq % 50, 1000000 + seq * 1000, 1, IF(seq % 20 = 0, 9, 0) \
                 FROM seq_1_to_{count}"
            )
        };
        let uploads = |id: String, user: String, created: &str, count: u32| {
            format!(
                "INSERT INTO uploads SELECT {id}, {user}, 100, 't', '', '', {NOW} - {created}, {NOW} + 86400000 - {created}, 0 \
                 FROM seq_1_to_{count}"
            )
        };
        let id = |kind| self.id(kind, "seq");
        let mut all = vec![
            videos(id(1), self.id(1, "(seq % 5000)"), 20_000),
            // Of the last two days and a half: some have to go.
            uploads(id(1), self.id(1, "(seq % 5000)"), "seq * 10800", 20_000),
            format!("INSERT INTO visits SELECT {}, {NOW} - seq * 50 FROM seq_1_to_20000", id(1)),
        ];
        if self.holds(world.star) {
            let (star, video) = (world.star.0, world.video.0);
            all.push(videos(format!("({star} + seq * 1024)"), star.to_string(), 3000));
            all.push(uploads(format!("({star} + seq * 1024)"), star.to_string(), "seq * 60000", 150));
            all.push(format!(
                "INSERT INTO videos VALUES ({video}, {star}, 'key', 'cover', 'the video', '', 9999, 0, 0, 5, 5, 0)"
            ));
        }
        all
    }

    fn interaction(&self, world: &World) -> Vec<String> {
        let id = |kind| self.id(kind, "seq");
        let comments = |id: String, video: String, parent: String, count: u32| {
            format!(
                "INSERT INTO comments SELECT {id}, {video}, {parent}, IF({parent} = 0, 0, 1), {}, 'content', 1, 0, 5, 5, \
                 IF(seq % 20 = 0, 9, 0) FROM seq_1_to_{count}",
                self.id(1, "(seq % 5000)"),
            )
        };
        let mut all = vec![
            format!(
                "INSERT INTO likes SELECT {}, 1 + seq % 4 DIV 3, {}, seq FROM seq_1_to_60000",
                self.id(1, "(seq % 5000)"),
                self.id(1, "seq"),
            ),
            comments(id(1), self.id(1, "(seq % 5000)"), "0".to_owned(), 30_000),
        ];
        if self.holds(world.fan) {
            let fan = world.fan.0;
            all.push(format!(
                "INSERT INTO likes SELECT {fan}, 1 + seq % 2, {}, seq FROM seq_1_to_10000",
                id(1)
            ));
        }
        if self.holds(world.star) {
            let (video, comment, star) = (world.video.0, world.comment.0, world.star.0);
            all.push(comments(format!("({comment} - seq * 1024)"), video.to_string(), "0".to_owned(), 5000));
            all.push(comments(
                format!("({comment} + seq * 1024)"),
                video.to_string(),
                comment.to_string(),
                3000,
            ));
            all.push(format!(
                "INSERT INTO comments VALUES ({comment}, {video}, 0, 0, {star}, 'much discussed', 1, 2850, 5, 5, 0)"
            ));
        }
        all
    }

    fn social(&self, world: &World) -> Vec<String> {
        let (id, star, fan) = (|kind| self.id(kind, "seq"), world.star.0, world.fan.0);
        let someone = self.id(1, "(seq % 5000)");
        let mut all = vec![
            format!(
                "INSERT INTO follows SELECT {someone}, {}, {} FROM seq_1_to_60000",
                self.id(1, "(5000 + seq)"),
                id(2)
            ),
            format!("INSERT INTO follows SELECT {}, {star}, {} FROM seq_1_to_8000", id(1), id(3)),
            format!(
                "INSERT INTO conversations SELECT {}, 0, {}, {}, 2 FROM seq_1_to_10000",
                id(4),
                id(4),
                id(5)
            ),
            format!("INSERT INTO chat_groups SELECT {}, 'name', 1, 3, 5, 0 FROM seq_1_to_10000", id(4)),
            format!(
                "INSERT INTO messages SELECT {}, {}, 1, NULL, 'text', 5 FROM seq_1_to_40000",
                self.id(4, "(1 + seq % 10000)"),
                id(5)
            ),
            // Of the fan, in every shard: hundreds of groups, with something unread in most of them.
            format!(
                "INSERT INTO members (conversation_id, user_id, peer_id, id, last_read_id, unread, unread_at) \
                 SELECT {0}, {fan}, 0, seq, 0, 1, m.id FROM seq_1_to_800 JOIN (SELECT conversation_id, MAX(id) AS id \
                 FROM messages GROUP BY conversation_id) m ON m.conversation_id = {0}",
                id(4)
            ),
            format!(
                "INSERT INTO members (conversation_id, user_id, peer_id, id, last_read_id, unread, unread_at) \
                 SELECT {}, {someone}, seq % 3, {}, 0, seq % 2, 0 FROM seq_1_to_30000",
                self.id(4, "(1 + seq DIV 3)"),
                id(6)
            ),
        ];
        if self.holds(world.fan) {
            all.push(format!("INSERT INTO follows SELECT {fan}, {}, {} FROM seq_1_to_4980", id(1), id(7)));
        }
        if self.holds(world.group) {
            all.extend(self.group(world));
        }
        all
    }

    fn group(&self, world: &World) -> Vec<String> {
        let (group, fan, last) = (world.group.0, world.fan.0, world.last_message_of_group());
        let members =
            "INSERT INTO members (conversation_id, user_id, peer_id, id, last_read_id, unread, unread_at)";
        vec![
            format!("INSERT INTO conversations VALUES ({group}, 0, {group}, {last}, {MESSAGES})"),
            format!("INSERT INTO chat_groups VALUES ({group}, 'crowd', {fan}, 401, 5, 0)"),
            format!(
                "INSERT INTO messages SELECT {group}, {group} + seq * 1024, 1, NULL, 'text', 5 FROM seq_1_to_{MESSAGES}"
            ),
            format!(
                "{members} SELECT {group}, {}, 0, seq, {last}, 0, 0 FROM seq_1_to_400",
                self.id(1, "seq")
            ),
            format!("{members} VALUES ({group}, {fan}, 0, 0, {last} - 500 * 1024, 500, {last})"),
        ]
    }
}
