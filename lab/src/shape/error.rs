//! What is wrong with a shape: the file, the key, the problem.

use std::fmt;

#[derive(Debug)]
pub(crate) struct ShapeError {
    file: String,
    key: String,
    problem: String,
}

impl ShapeError {
    pub(crate) fn new(file: &str, key: &str, problem: String) -> ShapeError {
        ShapeError {
            file: file.to_string(),
            key: key.to_string(),
            problem,
        }
    }
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, key, problem } = self;
        if key.is_empty() {
            write!(f, "{file}: {problem}")
        } else {
            write!(f, "{file}: {key}: {problem}")
        }
    }
}

impl std::error::Error for ShapeError {}

/// Returns the line of a mistake that has no key, as `line 3`.
pub(super) fn line(text: &str, error: &toml::de::Error) -> String {
    match error.span() {
        Some(span) => {
            let before = text.get(..span.start).unwrap_or(text);
            format!("line {}", before.matches('\n').count() + 1)
        }
        None => String::new(),
    }
}
