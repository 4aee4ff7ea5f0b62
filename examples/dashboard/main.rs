//! A dashboard.
fn main() {}
