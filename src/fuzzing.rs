//! What the fuzz targets look at that no user can see: the packed words and the pure rules.
//!
//! Only under `--cfg fuzzing`. Each takes raw numbers and asserts what must hold of any of them.

use crate::config::settings::Config;
use crate::engine::events::event::Event;
use crate::engine::evidence::Weighed;
use crate::engine::policy::{Allowance, Policy, Seen, Truth};
use crate::engine::transition::{
    Cut, Decision, decide, decided_by_goal, destination, openings, permits,
};
use crate::engine::window::log::{Cells, Holds, Log, MOST_WITHIN, Marks};
use crate::sync::pack::Pack;
use crate::words::control::{Control, Goal};
use crate::words::deadline::Deadline;
use crate::words::outcome::{Cause, Counts, State};
use crate::words::round::Round;
use crate::words::run::{Run, RunRule};
use crate::words::tagged::{PAYLOAD_MAX, TAG_BITS, Tagged, Version, extend, since};

/// Any bits are a word, and give back what was put in.
pub fn words(a: u64, b: u64, c: u64) {
    let tag = Version(b & ((1 << TAG_BITS) - 1));
    let payload = c & PAYLOAD_MAX;
    let w = Tagged::new(tag, payload);
    assert!(w.has(tag) && w.payload() == payload && !w.later_than(tag));
    assert_eq!((w.tag(), w.of(tag)), (tag, Some(payload)));
    assert_eq!(w.retag(Version(a)).payload(), payload);
    assert_eq!(w.plus_one().payload(), (payload + 1) & PAYLOAD_MAX);
    assert!(w.plus_one().has(tag));
    let ahead = a & ((1 << TAG_BITS) - 1);
    let later = w.retag(Version(tag.0.wrapping_add(ahead)));
    assert_eq!(
        later.later_than(tag),
        ahead != 0 && ahead < 1 << (TAG_BITS - 1)
    );

    let (base, n) = (a & PAYLOAD_MAX, b & PAYLOAD_MAX);
    assert_eq!(since(base.wrapping_add(n) & PAYLOAD_MAX, base), n);
    let long = extend(a, b & PAYLOAD_MAX, PAYLOAD_MAX + 1);
    assert!(long.wrapping_sub(a) <= PAYLOAD_MAX && long & PAYLOAD_MAX == b & PAYLOAD_MAX);

    assert_eq!(Round::unpack(a).pack(), a);
    let round = Round::unpack(a);
    assert_eq!(Round::unpack(round.pack()), round);
    assert_eq!(Run::unpack(payload).pack(), payload);
    let rule = RunRule::unpack(payload);
    let again = RunRule::unpack(rule.pack());
    assert_eq!(again, rule);
    let anew = rule.begun_anew();
    assert!(anew.era != rule.era && anew.limit == rule.limit);

    let log = Log::unpack(payload);
    assert_eq!(log.pack(), payload);
    let (truth, within) = (Truth(a & 7), b & 0xFF);
    let told = log.with_ahead(truth, within);
    assert_eq!(told.truth(), truth);
    assert_eq!(
        told.within(),
        if truth.any() {
            0
        } else {
            within.min(MOST_WITHIN)
        }
    );
    assert!(told.frozen().is_frozen() && !told.is_frozen());
    assert_eq!(told.frozen().truth(), truth);
    assert_eq!(Holds::unpack(payload).pack(), payload);
    let cells = Cells::new((a as u32 & ((1 << 20) - 1)).max(1));
    let ahead = (b & ((1 << 21) - 1)).cast_signed() - (1 << 20);
    let (failed, slow) = (a, c);
    let cell = cells.pack(payload.wrapping_add_signed(ahead), Marks { failed, slow });
    assert_eq!(cells.offset(cell, payload), ahead);
    let marks = cells.marks(cell);
    let one = cells.since(marks.and(true, false), marks);
    assert_eq!((one.failed, one.slow), (1, 0));

    let decision = Decision::unpack(payload);
    assert_eq!(Decision::unpack(decision.pack()), decision);
    assert!(decision.pack() <= PAYLOAD_MAX);

    let deadline = Deadline::after(a >> 2, b >> 2, c, false);
    assert!(deadline.pack() <= PAYLOAD_MAX && deadline != Deadline::NONE);
    assert!(!deadline.is_firm() || deadline == Deadline::OVER);
    let (asked, ends) = ((b >> 2).saturating_add(c), deadline.nanos(a >> 2));
    let last = ((a >> 2) / 1_000_000 + ((1 << 39) - 1)).saturating_mul(1_000_000);
    assert!(
        ends >= asked.min(last),
        "never early, but at the last that is told"
    );

    let event = Event {
        generation: tag.0,
        from: State::ALL[(a % 6) as usize],
        to: State::ALL[(b % 6) as usize],
        cause: Cause::unpack(c % Cause::NUMBER),
        at: a,
        counts: Counts::new(payload, base, n),
        run: payload & u64::from(u32::MAX >> 2),
        failure: Option::unpack(b & 0x1FF),
        deadline: Deadline::unpack(payload),
    };
    assert_eq!(Event::unpack(tag.0, event.pack()), event);
}

/// Any control word that the protocol writes, any goal, any window: no panic, the generation moves by
/// one or not at all, and only as the table of the state machine says.
pub fn transitions(bits: u64, goal: u64, w: [u32; 3], before: u64, config: &Config) {
    if config.validate().is_err() {
        return;
    }
    let policy = Policy::new(config.clone());
    let state = State::ALL[(bits % 6) as usize];
    let goal = Goal::from_bits(goal);
    let c = Control::unpack(bits).in_state(state);
    // some of the failures are lenient
    let failures = w[1].min(w[0]);
    let seen = |calls: u64, failures: u64, slow: u64, lenient: u64| Seen {
        calls,
        failures,
        slow,
        relief: policy.relief(lenient),
    };
    let lenient = match policy.config.lenient_in_force() {
        Some(_) => before % (u64::from(failures) + 1),
        None => 0,
    };
    let window = seen(w[0].into(), failures.into(), w[2].min(w[0]).into(), lenient);
    if !permits(goal, state) {
        return;
    }
    let a = c.announce(goal);
    assert!(a.updating() && a.goal() == goal && a.period() == c.period());
    // as an update finds it: the outage rule has no score here
    let weighed = Weighed {
        hung: goal == Goal::CheckHang && before & 1 == 1,
        ..Weighed::default()
    };
    for judged in [true, false] {
        // what a ramp finds is not the goal's to say
        let leads = match goal {
            Goal::Step if before & 1 == 1 => Some((State::Closed, Cause::RampCompleted)),
            goal => destination(goal),
        };
        let decision = match decided_by_goal(goal, leads) {
            Some(decision) => decision,
            None => {
                let cut = Cut {
                    window,
                    weighed: &weighed,
                    judged,
                    withheld: false,
                };
                decide(a, leads, &policy, cut, Decision::default())
            }
        };
        let next = decision.publish(a);
        assert!(!next.updating());
        assert_eq!(next.version(), a.version());
        assert_eq!(next.stripes(), a.stripes());
        let Some((to, cause)) = decision.transition else {
            assert_eq!(next.period(), c.period());
            if matches!(goal, Goal::Ramp | Goal::Step) {
                assert!(next.ramps() && !next.armed());
                continue;
            }
            assert!(matches!(
                goal,
                Goal::Check | Goal::CheckHang | Goal::Maintain
            ));
            assert!(!(judged && weighed.hung));
            let armed = if judged {
                policy.allowance(window).armed()
            } else {
                let asked = goal == Goal::Check || c.armed();
                policy.logs_successes(window, Truth::default())
                    || asked && policy.is_on_the_verge(window)
            };
            assert_eq!(next.armed(), armed);
            continue;
        };
        assert_eq!(next.state(), to);
        assert_eq!(next.generation(), c.next_generation());
        // a fresh count window may have to log its first successes
        let fresh = policy.logs_successes(Seen::default(), Truth::default());
        assert_eq!(next.armed(), !judged && next.counting() && fresh);
        let overridden = !matches!(state, State::Closed | State::Open | State::HalfOpen);
        assert!(!overridden || cause == Cause::Manual, "{state:?} {goal:?}");
        match cause {
            Cause::OpenElapsed => assert_eq!((state, to), (State::Open, State::HalfOpen)),
            Cause::ProbesSucceeded | Cause::RampCompleted => {
                assert_eq!((state, to), (State::HalfOpen, State::Closed));
            }
            Cause::ProbeFailed | Cause::ProbeTimeout | Cause::ProbesCancelled => {
                assert_eq!((state, to), (State::HalfOpen, State::Open));
            }
            Cause::Manual => {}
            _ => {
                assert_eq!((state, to), (State::Closed, State::Open));
                if goal == Goal::CheckHang {
                    assert!(judged && weighed.hung && cause == Cause::Hang);
                }
                if goal == Goal::Check {
                    assert_eq!(policy.truth(window).cause(), Some(cause));
                }
            }
        }
        let (before, dwell) = (before >> 32, before & 0xFFFF_FFFF);
        let k = openings(before, a, to, dwell, 1 << 31);
        assert!(k <= before + 1 && (to != State::Open || k >= 1));
    }
    if goal == Goal::Check && state == State::Closed {
        let decided = |withheld| {
            let cut = Cut {
                window,
                weighed: &weighed,
                judged: true,
                withheld,
            };
            decide(a, None, &policy, cut, Decision::default())
        };
        let truth = policy.truth(window);
        let trips = decided(false).transition.is_some();
        assert_eq!(trips, truth.any(), "a true rule trips, and no other");
        let withheld = decided(true);
        assert_eq!(withheld.transition, None);
        assert_eq!(withheld.rising.number(), truth.number(), "and is reported");
    }
    // A count window's entries: of those within, as many failed or slow as may be, and any number of
    // successes beside them, which may also push older ones out.
    let size = u64::from(config.min_throughput.unwrap_or(1))
        .max(window.calls)
        .max(1);
    let judgement = policy.judge_entry(window, size);
    assert_eq!(judgement.truth, policy.truth(window));
    if !judgement.truth.any() {
        let k = judgement.within.min(MOST_WITHIN).min(before % 64);
        let (failed, slow) = ((before >> 8).min(k), (before >> 24).min(k));
        let calls = window.calls + k + if judgement.arms { 0 } else { before >> 48 };
        let then = seen(
            calls.min(size),
            (window.failures + failed).min(calls.min(size)),
            (window.slow + slow).min(calls.min(size)),
            lenient,
        );
        assert!(
            !policy.truth(then).any(),
            "{judgement:?} {window:?} {then:?}"
        );
    }
    // Within its allowance nothing is missed. (Where a rule is true already there is none, and it is for
    // the next outcome to find it.)
    let allowed = policy.allowance(window);
    if allowed != Allowance::default() {
        let take = |most: u64| most.min(before % 1000);
        let (ff, ss, sf, lf) = (
            take(allowed.fast_failures),
            take(allowed.slow_successes),
            take(allowed.slow_failures),
            take(allowed.lenient_failures),
        );
        let more = (before >> 48).min(allowed.fast_successes);
        let then = seen(
            window.calls + ff + ss + sf + lf + more,
            window.failures + ff + sf + lf,
            window.slow + ss + sf,
            lenient + lf,
        );
        assert!(!policy.truth(then).any(), "{allowed:?} {window:?} {then:?}");
    }
}
