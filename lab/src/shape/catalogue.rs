//! The shapes that come with the lab.

use super::{Shape, ShapeError};

macro_rules! shapes {
    ($($name:literal)*) => {
        const FILES: &[(&str, &str, &str)] = &[
            $((
                $name,
                concat!("lab/shapes/", $name, ".toml"),
                include_str!(concat!("../../shapes/", $name, ".toml")),
            ),)*
        ];
    };
}

shapes! {
    "rand-hang" "rand-fast" "brown70" "slow" "ramp" "blips" "low" "diurnal" "own-network" "ignored15"
    "k10-outage" "k100-outage"
    "back-slow" "quiet-after" "leaks" "metastable" "limping"
    "brown30" "shard10" "partial-hang" "k10-brown10" "k10-brown30" "k100-brown10" "k100-brown30"
    "noise3" "noise8" "drift" "pauses" "checkpoints" "cold-start" "gc" "resets" "resets-spread" "idle-burst"
}

/// Returns all of them: outages first, then what is to be tolerated.
pub(crate) fn catalogue() -> Result<Vec<Shape>, ShapeError> {
    FILES
        .iter()
        .map(|(name, file, text)| Shape::parse(name, file, text))
        .collect()
}

#[cfg(test)]
mod tests;
