//! Shapes: what a dependency does to its callers, as data in TOML. See the package's README.

mod catalogue;
mod check;
mod error;
mod scene;
mod spec;

pub(crate) use catalogue::catalogue;
pub(crate) use error::ShapeError;
pub(crate) use scene::{Scene, Server, Stretch};

use spec::Spec;
use std::path::Path;

/// A shape that has been read and checked.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) name: String,
    spec: Spec,
}

impl Shape {
    /// Reads a shape from a file of the user's. Its name is that of the file, without `.toml`.
    pub(crate) fn load(path: &Path) -> Result<Shape, ShapeError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ShapeError::new(&file, "", error.to_string()))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Shape::parse(&name, &file, &text)
    }

    /// Reads a shape from text; `file` is for error messages.
    pub(crate) fn parse(name: &str, file: &str, text: &str) -> Result<Shape, ShapeError> {
        let refused = |key: &str, problem: String| ShapeError::new(file, key, problem);
        let document = toml::Deserializer::parse(text)
            .map_err(|error| refused(&error::line(text, &error), error.message().to_string()))?;
        let spec: Spec = serde_path_to_error::deserialize(document).map_err(|error| {
            let (path, inner) = (error.path().to_string(), error.into_inner());
            let at = if path == "." {
                error::line(text, &inner)
            } else {
                path
            };
            refused(&at, inner.message().to_string())
        })?;
        check::check(&spec).map_err(|(key, problem)| refused(&key, problem))?;
        Ok(Shape {
            name: name.to_string(),
            spec,
        })
    }

    pub(crate) fn about(&self) -> &str {
        &self.spec.about
    }

    /// Rolls the dice of this shape: one day as it may be.
    pub(crate) fn scene(&self, seed: u64) -> Scene {
        Scene::draw(&self.spec, seed)
    }

    /// Cuts all days of this shape off after so long.
    #[cfg(test)]
    pub(crate) fn cut_to(mut self, lasts: std::time::Duration) -> Shape {
        self.spec.cut = Some(lasts);
        self
    }
}
