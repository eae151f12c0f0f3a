//! Typed settings: embedded defaults, a file, the environment.
