//! A real server and real clients over TCP, and peers that break the rules.

mod attacks;
mod calls;
mod kit;
mod stopping;
