//! The sides that pictures and tables show, and how they are told apart.

use super::pen::{FAINT, Shape};
use crate::results::Results;
use crate::sides::{ADAPTIVE, CALL, FLOOR, Kind, LOCAL_UPKEEP};
use plotters::style::RGBColor;

const OWN: RGBColor = RGBColor(0, 114, 178);
/// With `OWN` those of Okabe and Ito, which the colour-blind can tell; shapes differ besides.
const PEERS: [(RGBColor, Shape); 6] = [
    (RGBColor(213, 94, 0), Shape::Square),
    (RGBColor(230, 159, 0), Shape::Up),
    (RGBColor(230, 159, 0), Shape::Down),
    (RGBColor(204, 121, 167), Shape::Diamond),
    (RGBColor(0, 158, 115), Shape::Square),
    (RGBColor(20, 20, 20), Shape::Diamond),
];

/// A side as it is drawn.
pub(crate) struct Series<'a> {
    pub(crate) side: &'a str,
    pub(crate) name: &'a str,
    pub(super) kind: Kind,
    pub(super) color: RGBColor,
    pub(super) shape: Shape,
}

/// tripcoil's call, its cheapest handle and its adaptive rules, the floor, and all peers.
pub(crate) fn series(results: &Results) -> Vec<Series<'_>> {
    let own = |side, name, shape| Series {
        side,
        name,
        color: OWN,
        shape,
        kind: Kind::Own,
    };
    let mut all = vec![
        own(CALL, "tripcoil call", Shape::Circle),
        own(LOCAL_UPKEEP, "tripcoil local, upkeep", Shape::Diamond),
        own(ADAPTIVE, ADAPTIVE, Shape::Square),
        Series {
            color: FAINT,
            kind: Kind::Yardstick,
            ..own(FLOOR, "floor", Shape::Circle)
        },
    ];
    let mut styles = PEERS.iter().cycle();
    for cell in results.0.iter().filter(|cell| cell.kind == Kind::Peer) {
        if !all.iter().any(|s| s.side == cell.side) {
            let &(color, shape) = styles.next().expect("it cycles");
            all.push(Series {
                color,
                shape,
                kind: Kind::Peer,
                ..own(&cell.side, &cell.side, shape)
            });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_differ_in_colour_or_shape() {
        for (i, a) in PEERS.iter().enumerate() {
            assert!(PEERS[..i].iter().all(|b| a != b), "{a:?}");
        }
    }
}
