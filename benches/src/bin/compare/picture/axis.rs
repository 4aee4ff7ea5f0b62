//! Where things lie: a logarithmic axis, names beside it that keep apart, marks that hide none.

/// From one of 1, 2, 5, 10, 20 ... to another.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Axis {
    low: f64,
    high: f64,
}

impl Axis {
    /// The shortest that all values lie on, and nothing at its ends. `None` if there are no values.
    pub(super) fn over(values: impl Iterator<Item = f64>) -> Option<Axis> {
        let (least, most) = values.fold(None, |range: Option<(f64, f64)>, v| {
            let (least, most) = range.unwrap_or((v, v));
            Some((least.min(v), most.max(v)))
        })?;
        Some(Axis {
            low: steps().map(|(s, _)| s).take_while(|s| *s < least).last()?,
            high: steps().map(|(s, _)| s).find(|s| *s > most)?,
        })
    }

    /// Where a value lies, from 0 to 1.
    pub(super) fn at(self, value: f64) -> f64 {
        (value / self.low).ln() / (self.high / self.low).ln()
    }

    /// The steps on it, and which of them have a number: powers of ten, if there must be one.
    pub(super) fn ticks(self) -> impl Iterator<Item = (f64, bool)> {
        let short = self.high < self.low * 10.0;
        let on_it = steps().filter(move |(s, _)| (self.low..=self.high).contains(s));
        on_it.map(move |(s, ten)| (s, ten || short))
    }
}

/// 0.001, 0.002, 0.005, 0.01 and so on, up to 5e12: a nanosecond's thousandth to hours. Besides,
/// which of them are powers of ten.
fn steps() -> impl Iterator<Item = (f64, bool)> {
    let step = |power: i32, digit: f64| match power {
        0.. => digit * 10f64.powi(power),
        // exact, as the literal is
        _ => digit / 10f64.powi(-power),
    };
    (-3..=12).flat_map(move |power| [1.0, 2.0, 5.0].map(|digit| (step(power, digit), digit == 1.0)))
}

/// Moves positions apart until neighbours differ by `gap` or more, each as little as its
/// neighbours allow: those that would overlap become a block around the middle of what they wanted.
pub(super) fn spread(wanted: &[f64], gap: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    // blocks of labels that touch: how many, and the sum of the places that the first one wants
    let mut blocks: Vec<(usize, f64)> = Vec::new();
    for &i in &order {
        let mut block = (1, wanted[i]);
        while let Some(&(n, sum)) = blocks.last() {
            let begins = |(n, sum): (usize, f64)| sum / n as f64;
            if begins((n, sum)) + gap * n as f64 <= begins(block) {
                break;
            }
            blocks.pop();
            // those behind it want the first one so much further up
            block = (n + block.0, sum + block.1 - (block.0 * n) as f64 * gap);
        }
        blocks.push(block);
    }
    let places = blocks.iter().flat_map(|&(n, sum)| {
        let first = sum / n as f64;
        (0..n).map(move |i| first + gap * i as f64)
    });
    let mut spread = vec![0.0; wanted.len()];
    for (i, place) in order.into_iter().zip(places) {
        spread[i] = place;
    }
    spread
}

/// How far above or below its row each mark lies, so that none hides another: as little as can be,
/// and the last ones on the row itself.
pub(super) fn asides(columns: &[i32]) -> Vec<i32> {
    let mut asides = vec![0; columns.len()];
    for i in (0..columns.len()).rev() {
        let free = |aside: &i32| {
            let mut later = columns[i + 1..].iter().zip(&asides[i + 1..]);
            later.all(|(x, a)| a != aside || (x - columns[i]).abs() >= MARK)
        };
        asides[i] = [0, -ASIDE, ASIDE].into_iter().find(free).unwrap_or(0);
    }
    asides
}

/// Marks that are nearer to one another overlap.
const MARK: i32 = 16;
const ASIDE: i32 = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_beyond_its_values() {
        let axis = Axis::over([3.0, 70.0, 20.0].into_iter()).expect("values");
        assert_eq!(
            axis,
            Axis {
                low: 2.0,
                high: 100.0
            }
        );
        assert_eq!((axis.at(2.0), axis.at(100.0)), (0.0, 1.0));
        let middle = axis.at(200f64.sqrt());
        assert!((middle - 0.5).abs() < 1e-9, "{middle}");
        let ticks: Vec<_> = axis.ticks().collect();
        let (plain, tens) = (false, true);
        assert_eq!(
            ticks,
            [
                (2.0, plain),
                (5.0, plain),
                (10.0, tens),
                (20.0, plain),
                (50.0, plain),
                (100.0, tens)
            ]
        );
        let small = Axis::over([0.02, 1.0].into_iter()).expect("values");
        assert_eq!(
            small,
            Axis {
                low: 0.01,
                high: 2.0
            }
        );
        let short = Axis::over([21.0, 49.0].into_iter()).expect("values");
        assert!(short.ticks().eq([(20.0, true), (50.0, true)]));
        assert_eq!(Axis::over(std::iter::empty()), None);
    }

    #[test]
    fn labels_keep_apart_and_stay_near() {
        assert!(spread(&[], 10.0).is_empty());
        assert_eq!(spread(&[30.0, 5.0], 10.0), [30.0, 5.0], "far enough");
        assert_eq!(spread(&[20.0, 20.0], 10.0), [15.0, 25.0]);
        // the third pushes the second, and both the first
        assert_eq!(spread(&[0.0, 11.0, 16.0], 10.0), [-1.0, 9.0, 19.0]);
        let many = [9.0, 1.0, 8.0, 40.0, 2.0, 3.0, 39.0];
        let mut places = spread(&many, 5.0);
        places.sort_by(f64::total_cmp);
        assert!(
            places.windows(2).all(|p| p[1] - p[0] > 5.0 - 1e-9),
            "{places:?}"
        );
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        assert!(
            (mean(&places) - mean(&many)).abs() < 1e-9,
            "no side is preferred"
        );
    }

    #[test]
    fn marks_that_would_hide_others_are_moved_aside() {
        assert_eq!(asides(&[0, 100, 200]), [0, 0, 0]);
        assert_eq!(asides(&[105, 100, 300, 95]), [ASIDE, -ASIDE, 0, 0]);
        assert_eq!(asides(&[100, 110, 125]), [0, -ASIDE, 0]);
    }
}
