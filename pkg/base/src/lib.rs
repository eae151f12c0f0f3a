//! Error codes, ids, paging and time: the ground every room stands on.
