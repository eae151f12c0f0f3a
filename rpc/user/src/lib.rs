//! Accounts, tokens, MFA, avatars and the picture library.
