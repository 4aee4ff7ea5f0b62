//! A band: what became of a subject's calls, over time.

use super::pen::{Canvas, Drawn, rectangle};
use crate::time::Nanos;
use crate::track::{Seen, Track};
use plotters::style::RGBColor;

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Share {
    Served,
    Wasted,
    Missed,
    Spared,
}

impl Share {
    pub(super) const ALL: [Share; 4] = [Share::Served, Share::Missed, Share::Wasted, Share::Spared];

    fn of(seen: Seen) -> Share {
        match (seen.admitted(), seen.good()) {
            (true, true) => Share::Served,
            (true, false) => Share::Wasted,
            (false, true) => Share::Missed,
            (false, false) => Share::Spared,
        }
    }

    pub(super) const fn color(self) -> RGBColor {
        match self {
            Share::Served => RGBColor(126, 190, 142),
            Share::Missed => RGBColor(240, 164, 56),
            Share::Wasted => RGBColor(205, 62, 58),
            Share::Spared => RGBColor(214, 218, 224),
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Share::Served => "admitted, went well",
            Share::Missed => "rejected, would have gone well",
            Share::Wasted => "admitted, failed or too late",
            Share::Spared => "rejected, would have failed (with a server: not known)",
        }
    }
}

/// For each column the calls of each share, in the order of `Share::ALL`.
pub(super) struct Band(Vec<[u32; 4]>);

/// At least so many pixels per column, and so many calls on average.
const PIXELS: usize = 2;
const CALLS: usize = 4;

/// Returns how many columns to draw of so many calls.
pub(super) fn columns(calls: usize, pixels: i32) -> usize {
    let most = pixels.unsigned_abs() as usize / PIXELS;
    (calls / CALLS).clamp(1, most)
}

impl Band {
    pub(super) fn of(track: &Track, (from, to): (Nanos, Nanos), columns: usize) -> Band {
        let mut counts = vec![[0; 4]; columns];
        for seen in track.between(from, to) {
            let place = (seen.at() - from) as f64 / (to - from) as f64;
            let column = (place * columns as f64) as usize;
            for (count, share) in counts[column.min(columns - 1)].iter_mut().zip(Share::ALL) {
                *count += u32::from(share == Share::of(*seen));
            }
        }
        Band(counts)
    }

    /// Draws the band; columns that are alike are drawn as one.
    pub(super) fn draw(
        &self,
        canvas: &Canvas<'_>,
        (left, right): (i32, i32),
        (top, bottom): (i32, i32),
    ) -> Drawn {
        let columns = self.0.len() as i32;
        let x = |column: i32| left + (right - left) * column / columns;
        let edges: Vec<[i32; 5]> = self
            .0
            .iter()
            .map(|counts| edges(counts, top, bottom))
            .collect();
        let mut column = 0;
        for alike in edges.chunk_by(|a, b| a == b) {
            let next = column + alike.len() as i32;
            for (share, ends) in Share::ALL.into_iter().zip(alike[0].windows(2)) {
                if ends[0] < ends[1] {
                    rectangle(
                        canvas,
                        (x(column), ends[0]),
                        (x(next), ends[1]),
                        share.color(),
                    )?;
                }
            }
            column = next;
        }
        Ok(())
    }
}

/// Returns where each share of a column begins, from the top to the bottom. A share that is there
/// takes at least one pixel; without calls, all begin at the bottom.
fn edges(counts: &[u32; 4], top: i32, bottom: i32) -> [i32; 5] {
    let calls: u32 = counts.iter().sum();
    let height = bottom - top;
    let mut heights = counts.map(|count| {
        let exact = f64::from(height) * f64::from(count) / f64::from(calls.max(1));
        (exact as i32).max(i32::from(count > 0))
    });
    if calls == 0 {
        return [bottom; 5];
    }
    // the largest takes what rounding left, or gives what the smallest took
    let rest = height - heights.iter().sum::<i32>();
    if let Some(largest) = heights.iter_mut().max_by_key(|height| **height) {
        *largest += rest;
    }
    let mut edges = [top; 5];
    for (i, height) in heights.into_iter().enumerate() {
        edges[i + 1] = edges[i] + height;
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_what_became_of_their_calls() {
        let seen = [
            (0, true, true),
            (9, false, true),
            (10, true, false),
            (19, false, false),
            (20, true, true),
        ];
        let track = Track {
            seen: seen
                .map(|(at, admitted, good)| Seen::new(at, admitted, good))
                .to_vec(),
            ..Track::default()
        };
        let band = Band::of(&track, (0, 20), 2);
        assert_eq!(band.0, [[1, 1, 0, 0], [0, 0, 1, 1]]);
    }

    #[test]
    fn a_column_has_calls_where_it_can() {
        assert_eq!(columns(1_000_000, 660), 330);
        assert_eq!(columns(360, 660), 90);
        assert_eq!(columns(0, 660), 1);
    }

    #[test]
    fn a_share_is_seen_however_small() {
        assert_eq!(edges(&[1000, 1, 0, 0], 0, 16), [0, 15, 16, 16, 16]);
        assert_eq!(edges(&[1, 1, 1, 1], 4, 20), [4, 8, 12, 16, 20]);
        assert_eq!(edges(&[0, 0, 0, 0], 0, 16), [16; 5]);
    }
}
