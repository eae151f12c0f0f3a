//! Logs, metrics, profiles and the admin port.
