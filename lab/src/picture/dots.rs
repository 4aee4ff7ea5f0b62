//! The figures as dots, each figure on an axis of its own.

use super::pen::{Canvas, Drawn, FAINT, GRID, INK, SMALL, dot, line, write};
use crate::figures::{Figure, Figures, Kind, Spread};
use crate::table::text;
use plotters::style::RGBColor;
use plotters::style::text_anchor::HPos;

/// The figures that are drawn, and the ends of their axes: powers of ten.
const AXES: [(Kind, i32, i32); 4] = [
    (Kind::Detect, -2, 2),
    (Kind::Wasted, 0, 5),
    (Kind::Recover, -1, 2),
    (Kind::GoodRejected, -1, 2),
];
const LEFT: i32 = 812;
/// Of one axis, and the room for its numbers beside it.
const WIDTH: i32 = 80;
const NUMBER: i32 = 62;
const COLOR: RGBColor = RGBColor(52, 100, 164);

pub(super) fn draw(canvas: &Canvas<'_>, figures: &[Vec<Figures>], (top, row): (i32, i32)) -> Drawn {
    let bottom = top + row * figures.len() as i32;
    for (i, (kind, low, high)) in (0..).zip(AXES) {
        let left = LEFT + (WIDTH + NUMBER) * i;
        write(canvas, kind.title(), (left, top - 16), SMALL)?;
        for power in low..=high {
            let x = left + place(power as f64, low, high);
            line(canvas, (x, top), (x, bottom), GRID, 1)?;
        }
        for power in [low, high] {
            let x = left + place(power as f64, low, high);
            write(
                canvas,
                &number(power),
                (x, bottom + 14),
                SMALL.color(FAINT).to(HPos::Center),
            )?;
        }
        for (i, days) in (0..).zip(figures) {
            let y = top + row * i + row / 2;
            let Spread { median, p90 } = Spread::of(kind, days);
            let x = |figure| position(figure, low, high).map(|x| left + x);
            let words = (left + WIDTH + NUMBER - 10, y);
            write(
                canvas,
                &text(kind, median),
                words,
                SMALL.color(INK).to(HPos::Right),
            )?;
            if let (Some(median), Some(p90)) = (x(median), x(p90)) {
                line(canvas, (median, y), (p90, y), COLOR, 2)?;
                dot(canvas, (median, y), COLOR)?;
            }
        }
    }
    Ok(())
}

/// Returns where a figure lies on its axis, in pixels; at an end, if it lies beyond. "Never" is at
/// the right.
fn position(figure: Figure, low: i32, high: i32) -> Option<i32> {
    match figure {
        Figure::NotApplicable => None,
        Figure::Never => Some(WIDTH),
        Figure::Is(value) => Some(place(value.log10(), low, high)),
    }
}

fn place(power: f64, low: i32, high: i32) -> i32 {
    let part = (power - f64::from(low)) / f64::from(high - low);
    // of zero the power is -infinity
    (f64::from(WIDTH) * part.clamp(0.0, 1.0)).round() as i32
}

fn number(power: i32) -> String {
    if power < 0 {
        format!("{:.*}", power.unsigned_abs() as usize, 10_f64.powi(power))
    } else {
        10_u64.pow(power.unsigned_abs()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_lie_between_the_ends_of_their_axis() {
        let at = |figure| position(figure, -1, 1);
        assert_eq!(at(Figure::Is(0.0)), Some(0));
        assert_eq!(at(Figure::Is(0.1)), Some(0));
        assert_eq!(at(Figure::Is(1.0)), Some(WIDTH / 2));
        assert_eq!(at(Figure::Is(1e6)), Some(WIDTH));
        assert_eq!(at(Figure::Never), Some(WIDTH));
        assert_eq!(at(Figure::NotApplicable), None);
        assert_eq!([-2, -1, 0, 3].map(number), ["0.01", "0.1", "1", "1000"]);
    }
}
