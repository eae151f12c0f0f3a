//! Videos, feed, ranking, search, visits and uploads.
