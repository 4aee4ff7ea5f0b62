//! The faults of the servers over time: plain data and pure functions of the time.

use std::time::Duration;

/// What a server does in one phase of the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// Answers within a few milliseconds.
    Healthy,
    /// Answers later and later, in the end beyond any client's patience.
    Slow,
    /// Answers nine of ten requests at once, with 503.
    Failing,
    /// Gone: the listening socket is closed, connections are refused.
    Dead,
    /// Accepts connections, reads requests, never answers.
    Hanging,
    /// Healthy for a moment, then failing for a shorter one, and again.
    Flapping,
}

impl Behaviour {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Slow => "slow",
            Self::Failing => "failing",
            Self::Dead => "dead",
            Self::Hanging => "hanging",
            Self::Flapping => "flapping",
        }
    }
}

/// A part of the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Phase {
    pub(crate) behaviour: Behaviour,
    pub(crate) from: Duration,
    pub(crate) to: Duration,
}

/// The time from when a server stops being healthy until it is healthy again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outage {
    pub(crate) from: Duration,
    pub(crate) to: Duration,
}

impl Outage {
    pub(crate) fn covers(&self, at: Duration) -> bool {
        self.from <= at && at < self.to
    }
}

/// How a server treats one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Ok(Duration),
    Unavailable(Duration),
    Never,
}

/// Phases, one after the other, from time 0.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    phases: Vec<Phase>,
}

const FLAP: Duration = Duration::from_secs(1);
const FLAP_UP: Duration = Duration::from_millis(700);
const SLOWEST_MS: f64 = 450.0;

impl Script {
    pub(crate) fn new(parts: &[(Behaviour, Duration)]) -> Script {
        let mut from = Duration::ZERO;
        let phases = parts.iter().map(|&(behaviour, length)| {
            let to = from + length;
            let phase = Phase {
                behaviour,
                from,
                to,
            };
            from = to;
            phase
        });
        Script {
            phases: phases.collect(),
        }
    }

    /// Two outages of different kinds, with a recovery between them: 30 s.
    pub(crate) fn two_outages() -> Script {
        let s = Duration::from_millis;
        Script::new(&[
            (Behaviour::Healthy, s(4_000)),
            (Behaviour::Slow, s(3_000)),
            (Behaviour::Failing, s(4_000)),
            (Behaviour::Healthy, s(4_000)),
            (Behaviour::Dead, s(2_500)),
            (Behaviour::Hanging, s(2_500)),
            (Behaviour::Flapping, s(5_000)),
            (Behaviour::Healthy, s(5_000)),
        ])
    }

    pub(crate) fn phases(&self) -> &[Phase] {
        &self.phases
    }

    pub(crate) fn end(&self) -> Duration {
        self.phases.last().map_or(Duration::ZERO, |last| last.to)
    }

    /// The phase at a moment; `None` once the script is over.
    pub(crate) fn at(&self, now: Duration) -> Option<&Phase> {
        self.phases.iter().find(|p| p.from <= now && now < p.to)
    }

    /// Neighbouring phases that are not healthy are one outage.
    pub(crate) fn outages(&self) -> Vec<Outage> {
        let mut outages: Vec<Outage> = Vec::new();
        for phase in &self.phases {
            if phase.behaviour == Behaviour::Healthy {
                continue;
            }
            match outages.last_mut() {
                Some(last) if last.to == phase.from => last.to = phase.to,
                _ => outages.push(Outage {
                    from: phase.from,
                    to: phase.to,
                }),
            }
        }
        outages
    }

    /// How the request that comes in at `now`, the `n`th of its server, is treated.
    pub(crate) fn answer(&self, now: Duration, n: u64) -> Answer {
        let soon = Duration::from_secs_f64((2.0 + 6.0 * spread(n)) / 1e3);
        let Some(phase) = self.at(now) else {
            return Answer::Ok(soon);
        };
        let since = now - phase.from;
        match phase.behaviour {
            Behaviour::Healthy => Answer::Ok(soon),
            Behaviour::Slow => {
                let grown = since.as_secs_f64() / (phase.to - phase.from).as_secs_f64();
                let ms = SLOWEST_MS * grown * (0.8 + 0.4 * spread(n));
                Answer::Ok(soon + Duration::from_secs_f64(ms / 1e3))
            }
            Behaviour::Failing if n.is_multiple_of(10) => Answer::Ok(soon),
            Behaviour::Failing => Answer::Unavailable(soon),
            // What was accepted just before the listener closed is not answered either.
            Behaviour::Dead | Behaviour::Hanging => Answer::Never,
            Behaviour::Flapping if since.as_millis() % FLAP.as_millis() < FLAP_UP.as_millis() => {
                Answer::Ok(soon)
            }
            Behaviour::Flapping => Answer::Unavailable(soon),
        }
    }
}

/// A number in `[0, 1)`, the same for the same `n`: all servers deal out the same answers, and
/// each run is like the last.
fn spread(n: u64) -> f64 {
    let mut z = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn phases_follow_each_other_and_end() {
        let script = Script::two_outages();
        assert_eq!(script.end(), ms(30_000));
        assert!(script.phases().windows(2).all(|w| w[0].to == w[1].from));
        let name = |at| script.at(ms(at)).map(|p| p.behaviour.name());
        assert_eq!(name(3_999), Some("healthy"));
        assert_eq!(name(4_000), Some("slow"));
        assert_eq!(name(29_999), Some("healthy"));
        assert_eq!(name(30_000), None);
    }

    #[test]
    fn neighbouring_troubles_are_one_outage() {
        let outages = Script::two_outages().outages();
        let spans: Vec<_> = outages.iter().map(|o| (o.from, o.to)).collect();
        assert_eq!(spans, [(ms(4_000), ms(11_000)), (ms(15_000), ms(25_000))]);
        assert!(outages[0].covers(ms(4_000)) && !outages[0].covers(ms(11_000)));
    }

    #[test]
    fn answers_are_those_of_the_phase() {
        let script = Script::two_outages();
        let soon = |answer| matches!(answer, Answer::Ok(d) if d < ms(10));
        let unavailable = |answer| matches!(answer, Answer::Unavailable(d) if d < ms(10));
        for n in 0..100 {
            assert!(soon(script.answer(ms(1_000), n)));
            let late = script.answer(ms(6_999), n);
            assert!(matches!(late, Answer::Ok(d) if d > ms(350) && d < ms(560)));
            assert_eq!(unavailable(script.answer(ms(8_000), n)), n % 10 != 0);
            assert_eq!(script.answer(ms(18_000), n), Answer::Never);
            assert!(soon(script.answer(ms(21_699), n)));
            assert!(unavailable(script.answer(ms(21_700), n)));
        }
    }

    #[test]
    fn the_spread_is_even_and_repeatable() {
        let mean = (0..10_000).map(spread).sum::<f64>() / 1e4;
        assert!((mean - 0.5).abs() < 0.02, "mean {mean}");
        assert!((0..10_000).all(|n| (0.0..1.0).contains(&spread(n))));
        assert_eq!(spread(7), spread(7));
    }
}
