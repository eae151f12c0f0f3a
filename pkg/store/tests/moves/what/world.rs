//! Databases, a store on them, and moves between them.

use std::{
    collections::BTreeMap,
    ops::{ControlFlow, RangeInclusive},
};

use fanone_base::{Bucket, Id};
use fanone_config::{Buckets, Connections, Database, DatabaseUrl, ShardPlace};
use fanone_store::{
    Migration, Options, Step, Store, StoreError,
    moving::{self, MoveError, Moved, Plan, Progress, Table},
};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement, Value};

pub(crate) const MIGRATIONS: &[Migration] = &[Migration {
    number: 1,
    name: "one column of every type",
    step: Step::Expand,
    statements: &[
        "CREATE TABLE thing (id {key}, number BIGINT NOT NULL, small INT NOT NULL, word VARCHAR(50) NOT NULL, \
         name VARBINARY(64), content MEDIUMTEXT NOT NULL, data BLOB NOT NULL)",
        "CREATE UNIQUE INDEX thing_by_name ON thing (name)",
        "CREATE TABLE pair (owner BIGINT NOT NULL, kind INT NOT NULL, id BIGINT NOT NULL, \
         PRIMARY KEY (owner, kind, id))",
        "CREATE TABLE counter (id {key}, value BIGINT NOT NULL)",
    ],
}];

pub(crate) const TABLES: &[Table] = &[
    Table { name: "thing", bucket: "id", key: &["id"] },
    Table { name: "pair", bucket: "owner", key: &["owner", "kind", "id"] },
    Table { name: "counter", bucket: "id", key: &["id"] },
];

/// Databases that a test may use as it likes.
pub(crate) struct World(pub(crate) Vec<DatabaseUrl>);

impl World {
    /// A list of shards: of each database, which buckets it has.
    pub(crate) fn shards(&self, buckets: &[&str]) -> Database {
        let shard = |(buckets, url): (&&str, &DatabaseUrl)| ShardPlace {
            buckets: Buckets::parse(buckets).unwrap(),
            urls: vec![url.clone()],
        };
        Database { shards: buckets.iter().zip(&self.0).map(shard).collect() }
    }

    /// Opens these shards, and makes those that are new.
    pub(crate) async fn open(&self, database: &Database) -> Result<Store, Vec<StoreError>> {
        Store::migrate(database, &options(), |_| {}).await?;
        Store::open(database, &options()).await
    }

    /// Ends the use of a store, as far as others can see.
    pub(crate) async fn end(&self, store: Store) {
        drop(store);
        for url in &self.0 {
            if let DatabaseUrl::Sqlite(path) = url {
                free(path).await;
            } else {
                let db = connect(url).await;
                // A database that is new has no leases, and not the table either.
                let _none = db.execute_unprepared("DELETE FROM lease").await;
                db.close().await.unwrap();
            }
        }
    }

    /// Runs a statement in one database, past the store.
    pub(crate) async fn execute(&self, url: &DatabaseUrl, sql: &str) {
        let db = connect(url).await;
        db.execute_unprepared(sql).await.unwrap();
        db.close().await.unwrap();
    }

    /// How many rows a query finds in one database, past the store.
    pub(crate) async fn count(&self, url: &DatabaseUrl, what: &str) -> i64 {
        let db = connect(url).await;
        let sql = format!("SELECT COUNT(*) FROM {what}");
        let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
        let count = row.unwrap().try_get_by_index(0).unwrap();
        db.close().await.unwrap();
        count
    }

    /// Moves buckets to the database at `to`, and breaks off when `progress` says so.
    pub(crate) async fn move_watched(
        &self,
        database: &Database,
        buckets: RangeInclusive<u16>,
        to: usize,
        progress: &(dyn Fn(Progress) -> ControlFlow<()> + Sync),
    ) -> Result<Moved, MoveError> {
        let options = options();
        let plan = Plan { database, options: &options, tables: TABLES, buckets: &buckets, to: &self.0[to] };
        moving::run(&plan, progress).await
    }

    /// Moves buckets to the database at `to`.
    pub(crate) async fn move_to(
        &self,
        database: &Database,
        buckets: RangeInclusive<u16>,
        to: usize,
    ) -> Result<Database, MoveError> {
        let go_on = |_| ControlFlow::Continue(());
        Ok(self.move_watched(database, buckets, to, &go_on).await?.database)
    }
}

pub(crate) fn options() -> Options {
    Options { namespace: "test", migrations: MIGRATIONS, connections: Connections::default(), versions: None }
}

async fn connect(url: &DatabaseUrl) -> DatabaseConnection {
    let text = match url {
        DatabaseUrl::Sqlite(path) => format!("sqlite:{}", path.display()),
        DatabaseUrl::Mysql(url) => (**url).to_owned(),
    };
    sea_orm::Database::connect(text).await.unwrap()
}

/// Waits until nobody has the file open: a store that is dropped closes its connections a little later.
async fn free(path: &std::path::Path) {
    for _ in 0..100 {
        let wal = path.with_extension("db-wal");
        if !wal.exists() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// An id in `bucket`; ids of the same number are neighbours.
pub(crate) fn id(number: i64, bucket: u16) -> Id {
    Id((number << 10) | i64::from(bucket))
}

/// Rows in many buckets, with values of every kind.
pub(crate) async fn fill(store: &Store, rows: i64) {
    for bucket in [0_u16, 5, 511, 512, 700, 1023] {
        let shard = store.shard(Bucket::new(bucket));
        let write = shard.write(move |tx| {
            Box::pin(async move {
                let backend = tx.get_database_backend();
                for number in 1..=rows {
                    let id = id(number, bucket).0;
                    let values = values(id, number);
                    let sql = "INSERT INTO thing (id, number, small, word, name, content, data) \
                        VALUES (?, ?, ?, ?, ?, ?, ?)";
                    tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
                    let values: [Value; 3] = [i64::from(bucket).into(), (number % 2).into(), number.into()];
                    let sql = "INSERT INTO pair (owner, kind, id) VALUES (?, ?, ?)";
                    tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
                }
                Ok::<_, StoreError>(())
            })
        });
        write.await.unwrap();
    }
}

fn values(id: i64, number: i64) -> [Value; 7] {
    let name = (number % 3 > 0).then(|| [&id.to_be_bytes()[..], &[0, 255, b'%']].concat());
    let extremes = [i64::MIN, -1, 0, 1, i64::MAX];
    let words = ["", "ann", "Ünïcödé", "视频网站", "'; -- \\", "🎬"];
    let at = usize::try_from(number).unwrap();
    let data: Vec<u8> = (0..=255).cycle().skip(at).take(at % 300).collect();
    [
        id.into(),
        extremes[at % extremes.len()].into(),
        i32::try_from(number - 100).unwrap().into(),
        words[at % words.len()].into(),
        name.into(),
        "a line\n".repeat(at % 50).into(),
        data.into(),
    ]
}

/// All rows of all shards, by table, as text.
pub(crate) async fn snapshot(store: &Store) -> BTreeMap<&'static str, Vec<String>> {
    let mut all = BTreeMap::new();
    for table in TABLES {
        let mut rows = Vec::new();
        for shard in store.shards() {
            let backend = shard.read().get_database_backend();
            let select = Statement::from_string(backend, format!("SELECT * FROM {}", table.name));
            for row in shard.read().query_all_raw(select).await.unwrap() {
                let mut text = String::new();
                for (at, name) in row.column_names().iter().enumerate() {
                    let value = match name.as_str() {
                        "word" | "content" => format!("{:?}", row.try_get_by_index::<String>(at).unwrap()),
                        "name" => format!("{:?}", row.try_get_by_index::<Option<Vec<u8>>>(at).unwrap()),
                        "data" => format!("{:?}", row.try_get_by_index::<Vec<u8>>(at).unwrap()),
                        _ => row.try_get_by_index::<i64>(at).unwrap().to_string(),
                    };
                    text.push_str(&value);
                    text.push(' ');
                }
                rows.push(text);
            }
        }
        rows.sort_unstable();
        all.insert(table.name, rows);
    }
    all
}
