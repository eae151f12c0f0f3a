//! User tokens, service tokens and the table of who may call what.
