//! Single values out of the bytes: sensible ones, or wild ones.
//!
//! Where the bytes end, each draw gives its first or smallest value, and none fails or loops.

use std::time::Duration;

use libfuzzer_sys::arbitrary::{Result, Unstructured};

const DAY: u64 = 24 * 3600;
const YEAR: u64 = 365 * DAY;

/// On both sides of each limit that there is, and at the ends of the type.
const COUNTS: [u32; 13] = [
    0,
    1,
    2,
    255,
    256,
    3600,
    3601,
    (1 << 20) - 1,
    1 << 20,
    (1 << 29) - 1,
    1 << 29,
    i32::MAX as u32,
    u32::MAX,
];

const SPANS: [Duration; 14] = [
    Duration::ZERO,
    Duration::from_nanos(1),
    Duration::from_millis(1),
    Duration::from_secs(DAY),
    Duration::new(DAY, 1),
    Duration::from_secs(YEAR),
    Duration::new(YEAR, 1),
    Duration::from_nanos((1 << 40) - 1),
    Duration::from_nanos(1 << 40),
    Duration::from_secs(17 * YEAR),
    Duration::from_nanos(u64::MAX / 4),
    Duration::from_nanos(u64::MAX),
    Duration::from_secs(u64::MAX),
    Duration::MAX,
];

const FLOATS: [f64; 15] = [
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    0.0,
    -0.0,
    5e-324,
    f64::MIN_POSITIVE,
    f64::EPSILON,
    1.0 - f64::EPSILON / 2.0,
    1.0,
    1.0 + f64::EPSILON,
    -1.0,
    2.0,
    f64::MAX,
    f64::MIN,
];

pub(crate) struct Draws<'a> {
    pub(crate) bytes: Unstructured<'a>,
    /// A bit for each draw to come: whether it is a wild one. Mostly none is, since one bad setting
    /// is enough to have all refused.
    wild: u64,
}

impl<'a> Draws<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Result<Draws<'a>> {
        let mut bytes = Unstructured::new(data);
        let wild = bytes.arbitrary()?;
        Ok(Draws { bytes, wild })
    }

    fn wild(&mut self) -> bool {
        let wild = self.wild & 1 == 1;
        self.wild >>= 1;
        wild
    }

    /// One of these, and no other.
    pub(crate) fn one_of<T: Clone>(&mut self, values: &[T]) -> Result<T> {
        self.bytes.choose(values).cloned()
    }

    pub(crate) fn maybe<T>(
        &mut self,
        draw: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<Option<T>> {
        if self.bytes.arbitrary()? {
            draw(self).map(Some)
        } else {
            Ok(None)
        }
    }

    pub(crate) fn count(&mut self, sensible: &[u32]) -> Result<u32> {
        if !self.wild() {
            self.one_of(sensible)
        } else if self.bytes.arbitrary()? {
            self.bytes.arbitrary()
        } else {
            self.one_of(&COUNTS)
        }
    }

    pub(crate) fn span(&mut self, sensible: &[Duration]) -> Result<Duration> {
        if self.wild() {
            self.any_span()
        } else {
            self.one_of(sensible)
        }
    }

    pub(crate) fn any_span(&mut self) -> Result<Duration> {
        if self.bytes.arbitrary()? {
            let nanos = self.bytes.int_in_range(0..=999_999_999)?;
            Ok(Duration::new(self.bytes.arbitrary()?, nanos))
        } else {
            self.one_of(&SPANS)
        }
    }

    pub(crate) fn float(&mut self, sensible: &[f64]) -> Result<f64> {
        if self.wild() {
            self.any_float()
        } else {
            self.one_of(sensible)
        }
    }

    pub(crate) fn any_float(&mut self) -> Result<f64> {
        if self.bytes.arbitrary()? {
            Ok(f64::from_bits(self.bytes.arbitrary()?))
        } else {
            self.one_of(&FLOATS)
        }
    }
}
