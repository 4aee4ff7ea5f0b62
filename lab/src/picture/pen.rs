//! What the picture is drawn with.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::error::Error;

pub(super) type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Drawn = Result<(), Box<dyn Error>>;

pub(super) const INK: RGBColor = RGBColor(38, 42, 48);
pub(super) const FAINT: RGBColor = RGBColor(104, 110, 118);
pub(super) const GRID: RGBColor = RGBColor(226, 229, 233);

#[derive(Clone, Copy)]
pub(super) struct Font {
    size: f64,
    bold: bool,
    color: RGBColor,
    side: HPos,
}

pub(super) const SMALL: Font = Font {
    size: 13.0,
    bold: false,
    color: INK,
    side: HPos::Left,
};
pub(super) const BOLD: Font = Font {
    bold: true,
    size: 15.0,
    ..SMALL
};
pub(super) const TITLE: Font = Font { size: 26.0, ..BOLD };

impl Font {
    pub(super) fn color(self, color: RGBColor) -> Font {
        Font { color, ..self }
    }

    pub(super) fn to(self, side: HPos) -> Font {
        Font { side, ..self }
    }
}

/// Writes words, vertically around the point.
pub(super) fn write(canvas: &Canvas<'_>, words: &str, at: (i32, i32), font: Font) -> Drawn {
    let weight = if font.bold {
        FontStyle::Bold
    } else {
        FontStyle::Normal
    };
    let face = FontDesc::new(FontFamily::SansSerif, font.size, weight);
    let style = face
        .color(&font.color)
        .pos(Pos::new(font.side, VPos::Center));
    canvas.draw(&Text::new(words, at, style))?;
    Ok(())
}

pub(super) fn line(
    canvas: &Canvas<'_>,
    from: (i32, i32),
    to: (i32, i32),
    color: RGBColor,
    width: u32,
) -> Drawn {
    canvas.draw(&PathElement::new([from, to], color.stroke_width(width)))?;
    Ok(())
}

pub(super) fn rectangle(
    canvas: &Canvas<'_>,
    from: (i32, i32),
    to: (i32, i32),
    color: RGBColor,
) -> Drawn {
    canvas.draw(&Rectangle::new([from, to], color.filled()))?;
    Ok(())
}

pub(super) fn dot(canvas: &Canvas<'_>, at: (i32, i32), color: RGBColor) -> Drawn {
    canvas.draw(&Circle::new(at, 5, color.filled()))?;
    Ok(())
}
