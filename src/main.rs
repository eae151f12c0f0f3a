//! The program `fanone`.
fn main() {}
