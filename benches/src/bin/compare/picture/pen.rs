//! What the picture is drawn with: lines, marks, words, and numbers as words.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::error::Error;

pub(super) type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Drawn = Result<(), Box<dyn Error>>;

pub(super) const INK: RGBColor = RGBColor(38, 42, 48);
pub(super) const FAINT: RGBColor = RGBColor(104, 110, 118);
pub(super) const GRID: RGBColor = RGBColor(222, 225, 230);
pub(super) const MINOR: RGBColor = RGBColor(236, 238, 241);
pub(super) const BAND: RGBColor = RGBColor(246, 247, 249);

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Shape {
    Circle,
    Square,
    Diamond,
    Up,
    Down,
}

pub(super) fn line(
    canvas: &Canvas<'_>,
    from: (i32, i32),
    to: (i32, i32),
    color: RGBColor,
    width: u32,
) -> Drawn {
    let style = color.stroke_width(width);
    canvas.draw(&PathElement::new([from, to], style))?;
    Ok(())
}

/// With a white edge, where it lies on others.
pub(super) fn mark(
    canvas: &Canvas<'_>,
    (x, y): (i32, i32),
    shape: Shape,
    color: RGBColor,
) -> Drawn {
    for (r, color) in [(9, WHITE), (7, color)] {
        let corners = match shape {
            Shape::Circle => {
                canvas.draw(&Circle::new((x, y), r, color.filled()))?;
                continue;
            }
            Shape::Square => vec![(-r, -r), (r, -r), (r, r), (-r, r)],
            Shape::Diamond => vec![(0, -r - 1), (r + 1, 0), (0, r + 1), (-r - 1, 0)],
            Shape::Up => vec![(0, -r - 1), (r + 1, r - 1), (-r - 1, r - 1)],
            Shape::Down => vec![(0, r + 1), (r + 1, 1 - r), (-r - 1, 1 - r)],
        };
        let corners: Vec<_> = corners.iter().map(|(dx, dy)| (x + dx, y + dy)).collect();
        canvas.draw(&Polygon::new(corners, color.filled()))?;
    }
    Ok(())
}

#[derive(Clone, Copy)]
pub(super) struct Font {
    size: f64,
    bold: bool,
    color: RGBColor,
    side: HPos,
}

pub(super) const SMALL: Font = Font {
    size: 17.0,
    bold: false,
    color: INK,
    side: HPos::Left,
};
pub(super) const BOLD: Font = Font {
    bold: true,
    ..SMALL
};
pub(super) const BIG: Font = Font { size: 28.0, ..BOLD };
pub(super) const TINY: Font = Font {
    size: 14.0,
    color: FAINT,
    ..SMALL
};

impl Font {
    pub(super) fn color(self, color: RGBColor) -> Font {
        Font { color, ..self }
    }

    pub(super) fn to(self, side: HPos) -> Font {
        Font { side, ..self }
    }

    fn style(self) -> TextStyle<'static> {
        let weight = if self.bold {
            FontStyle::Bold
        } else {
            FontStyle::Normal
        };
        let font = FontDesc::new(FontFamily::SansSerif, self.size, weight);
        font.color(&self.color)
            .pos(Pos::new(self.side, VPos::Center))
    }
}

pub(super) fn write(canvas: &Canvas<'_>, words: &str, at: (i32, i32), font: Font) -> Drawn {
    canvas.draw(&Text::new(words, at, font.style()))?;
    Ok(())
}

/// The same from below to above, around its middle.
pub(super) fn turned(canvas: &Canvas<'_>, words: &str, at: (i32, i32), font: Font) -> Drawn {
    let style = font.to(HPos::Center).style();
    canvas.draw(&Text::new(
        words,
        at,
        style.transform(FontTransform::Rotate270),
    ))?;
    Ok(())
}

/// A colour, or a darker one where words in it would be too light to read.
pub(super) fn readable(color: RGBColor) -> RGBColor {
    let RGBColor(r, g, b) = color;
    let luminance = 0.2126 * f64::from(r) + 0.7152 * f64::from(g) + 0.0722 * f64::from(b);
    let part = (110.0 / luminance).min(1.0);
    let darker = |c: u8| (f64::from(c) * part) as u8;
    RGBColor(darker(r), darker(g), darker(b))
}

/// A tick's number: 0.5, 20, 1,000.
pub(super) fn grouped(n: f64) -> String {
    if n < 1000.0 {
        return n.to_string();
    }
    let digits = (n as u64).to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// With two or three digits that mean something.
pub(super) fn rounded(n: f64) -> String {
    if n < 10.0 {
        format!("{n:.1}")
    } else {
        grouped(n.round())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let all = [0.5, 7.0, 1000.0, 1_234_567.0].map(grouped);
        assert_eq!(all, ["0.5", "7", "1,000", "1,234,567"]);
        assert_eq!([4.04, 31.6, 4212.7].map(rounded), ["4.0", "32", "4,213"]);
    }
}
