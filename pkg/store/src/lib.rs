//! Shards, migrations, transactions, leases, the outbox and the inbox.
