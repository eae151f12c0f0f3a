//! A real server and real clients over TCP, and peers that break the rules.

// The attribute tells clippy that all of this is tests.
#[cfg(test)]
mod attacks;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod governed;
#[cfg(test)]
mod kit;
#[cfg(test)]
mod stopping;
