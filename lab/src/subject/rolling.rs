//! A window of buckets of equal width, as most libraries have it.

use crate::time::Nanos;

pub(super) struct Rolling<const N: usize> {
    buckets: Vec<[u32; N]>,
    width: Nanos,
    epoch: u64,
    sums: [u64; N],
}

impl<const N: usize> Rolling<N> {
    pub(super) fn new(buckets: usize, width: Nanos) -> Rolling<N> {
        Rolling {
            buckets: vec![[0; N]; buckets],
            width,
            epoch: 0,
            sums: [0; N],
        }
    }

    fn slot(&self, epoch: u64) -> usize {
        (epoch % self.buckets.len() as u64) as usize
    }

    /// Drops what has left the window; returns whether the bucket has changed.
    pub(super) fn roll(&mut self, now: Nanos) -> bool {
        let epoch = now / self.width;
        if epoch == self.epoch {
            return false;
        }
        let steps = (epoch - self.epoch).min(self.buckets.len() as u64);
        for i in 0..steps {
            let slot = self.slot(epoch - i);
            let old = std::mem::replace(&mut self.buckets[slot], [0; N]);
            for (sum, old) in self.sums.iter_mut().zip(old) {
                *sum -= u64::from(old);
            }
        }
        self.epoch = epoch;
        true
    }

    /// Counts one of this class; returns whether it is the first of its class in its bucket.
    pub(super) fn add(&mut self, now: Nanos, class: usize) -> bool {
        self.roll(now);
        let slot = self.slot(self.epoch);
        self.sums[class] += 1;
        self.buckets[slot][class] += 1;
        self.buckets[slot][class] == 1
    }

    /// Returns the sums, as of the last time it was rolled.
    pub(super) fn sums(&self) -> [f64; N] {
        self.sums.map(|sum| sum as f64)
    }

    pub(super) fn clear(&mut self) {
        self.buckets.fill([0; N]);
        self.sums = [0; N];
    }

    /// Returns the buckets, the oldest first.
    pub(super) fn in_order(&self) -> impl Iterator<Item = &[u32; N]> {
        let oldest = self.slot(self.epoch + 1);
        let (newer, older) = self.buckets.split_at(oldest);
        older.iter().chain(newer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_old_leaves_the_window() {
        let mut window: Rolling<2> = Rolling::new(3, 10);
        for (now, class) in [(0, 0), (5, 1), (10, 0), (29, 0)] {
            window.add(now, class);
        }
        assert_eq!(window.sums(), [3.0, 1.0]);
        let all: Vec<_> = window.in_order().copied().collect();
        assert_eq!(all, [[1, 1], [1, 0], [1, 0]]);
        assert!(window.roll(30));
        assert!(!window.roll(39));
        assert_eq!(window.sums(), [2.0, 0.0]);
        assert!(window.add(40, 1) && !window.add(41, 1));
        assert_eq!(window.sums(), [1.0, 2.0]);
        window.roll(1000);
        assert_eq!(window.sums(), [0.0, 0.0]);
    }
}
