//! A number that the system is asked for once per process.

use crate::sync::atomic::Counter;

/// Threads that need it at the same time, before it is known, each ask for it: none waits for another.
#[derive(Debug)]
pub(crate) struct Asked(
    /// 0 while it is not known.
    Counter,
);

impl Asked {
    pub(crate) const fn new() -> Asked {
        Asked(Counter::new(0))
    }

    /// Returns the number; `ask` gets it from the system, and never returns 0.
    #[inline]
    pub(crate) fn get_or(&self, ask: fn() -> u64) -> u64 {
        match self.0.get() {
            0 => self.ask(ask),
            known => known,
        }
    }

    #[cold]
    fn ask(&self, ask: fn() -> u64) -> u64 {
        let number = ask();
        // another thread may have stored it by now: the same one
        self.0.set(number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_asked_for_once() {
        static TIMES: Counter = Counter::new(0);
        let asked = Asked::new();
        let ask = || {
            TIMES.add(1);
            7
        };
        assert_eq!(
            [asked.get_or(ask), asked.get_or(ask), TIMES.get()],
            [7, 7, 1]
        );
    }
}
