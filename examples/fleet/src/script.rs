//! What happens to the dependency and to the store, over time: plain data.

use std::time::Duration;

/// How the dependency fails in an outage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// Each call fails at once.
    Total,
    /// That share of the calls fails at once.
    Brownout(f64),
    /// No call is answered.
    Hang,
    /// Each call succeeds, late.
    Slow,
}

impl Fault {
    pub(crate) fn name(self) -> String {
        match self {
            Self::Total => "total".into(),
            Self::Brownout(share) => format!("{:.0} % of the calls fail", share * 100.0),
            Self::Hang => "hang".into(),
            Self::Slow => "slow".into(),
        }
    }
}

/// From when to when, since the script's beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: Duration,
    pub(crate) to: Duration,
}

impl Span {
    pub(crate) fn new(from: Duration, to: Duration) -> Span {
        Span {
            from,
            to: to.max(from),
        }
    }

    pub(crate) fn covers(&self, at: Duration) -> bool {
        self.from <= at && at < self.to
    }

    pub(crate) fn length(&self) -> Duration {
        self.to - self.from
    }
}

/// Two outages; the store dies in the second one, and comes back before its end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Script {
    pub(crate) outages: Vec<Span>,
    pub(crate) store_gone: Option<Span>,
    pub(crate) end: Duration,
    pub(crate) fault: Fault,
}

impl Script {
    pub(crate) fn two_outages(quick: bool, fault: Fault) -> Script {
        // calm, outage, calm, until the store dies, without the store, until the outage ends, calm
        let lengths: [u64; 7] = if quick {
            [4, 12, 14, 4, 4, 6, 14]
        } else {
            [10, 45, 50, 18, 20, 22, 50]
        };
        let mut now = 0;
        let ends = lengths.map(|length| {
            now += length;
            Duration::from_secs(now)
        });
        Script {
            outages: vec![Span::new(ends[0], ends[1]), Span::new(ends[2], ends[5])],
            store_gone: Some(Span::new(ends[3], ends[4])),
            end: ends[6],
            fault,
        }
    }

    /// Nothing ever happens.
    pub(crate) fn calm() -> Script {
        Script {
            outages: Vec::new(),
            store_gone: None,
            end: Duration::MAX,
            fault: Fault::Total,
        }
    }

    pub(crate) fn is_down(&self, at: Duration) -> bool {
        self.outages.iter().any(|outage| outage.covers(at))
    }

    pub(crate) fn has_store(&self, at: Duration) -> bool {
        self.store_gone.is_none_or(|gone| !gone.covers(at))
    }

    /// The time from an outage's end until the next one, or the script's end.
    pub(crate) fn after(&self, outage: Span) -> Span {
        let next = self.outages.iter().find(|next| next.from >= outage.to);
        Span::new(outage.to, next.map_or(self.end, |next| next.from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_dies_and_returns_within_the_second_outage() {
        for quick in [false, true] {
            let script = Script::two_outages(quick, Fault::Hang);
            let [first, second] = script.outages[..] else {
                panic!("two outages");
            };
            let gone = script.store_gone.expect("it dies");
            assert!(second.from < gone.from && gone.to < second.to);
            assert!(script.is_down(first.from) && !script.is_down(first.to));
            assert!(script.has_store(first.from) && !script.has_store(gone.from));
            assert_eq!(script.after(first), Span::new(first.to, second.from));
            assert_eq!(script.after(second), Span::new(second.to, script.end));
        }
        let calm = Script::calm();
        assert!(!calm.is_down(Duration::from_secs(60)) && calm.has_store(Duration::ZERO));
    }
}
