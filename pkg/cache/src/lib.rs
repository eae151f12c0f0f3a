//! Key-value with expiry, counters, publish and subscribe.
