//! Load runner and the floor it is compared with.
