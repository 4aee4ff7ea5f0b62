//! What a subscriber hears: each transition with its fields, would-trips, and rejections on spans.
#![allow(
    unsafe_code,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "an allocator is unsafe to write, and a test may fail loudly"
)]

use parking_lot::Mutex;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;
use tracing::field::{Empty, Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tripcoil::tracing::{RecordRejection, Tracing};
use tripcoil::{
    Breaker, Builder, Controller, FailureKind, HalfOpen, ManualClock, Outcome, State, Window,
};

const LONG: Duration = Duration::from_secs(60);

/// Fields with the types that they were recorded in.
#[derive(Clone, Default, Debug, PartialEq)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name(), value.to_string());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name(), format!("{value:.3}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name(), value.to_string());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let kind = if field.name() == "message" {
            ""
        } else {
            "debug: "
        };
        self.0.insert(field.name(), format!("{kind}{value:?}"));
    }
}

type Heard = (Level, Fields);

/// A layer that keeps the events of the target `tripcoil`, and the fields of each span.
#[derive(Clone, Default)]
struct Capture {
    events: Arc<Mutex<Vec<Heard>>>,
    /// The wall clock's times of events, which are no test's.
    times: Arc<Mutex<Vec<u64>>>,
    /// The spans around events: their names and parents.
    around: Arc<Mutex<Vec<(&'static str, bool)>>>,
    spans: Arc<Mutex<BTreeMap<u64, Fields>>>,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Capture {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if event.metadata().target() == "tripcoil" {
            let mut fields = Fields::default();
            event.record(&mut fields);
            if let Some(time) = fields.0.remove("tripcoil.unix_ms") {
                self.times.lock().push(time.parse().expect("a number"));
            }
            if let Some(span) = context.event_span(event) {
                self.around
                    .lock()
                    .push((span.name(), span.parent().is_some()));
            }
            self.events.lock().push((*event.metadata().level(), fields));
        }
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        self.spans.lock().insert(id.into_u64(), fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut spans = self.spans.lock();
        values.record(spans.get_mut(&id.into_u64()).expect("a span of ours"));
    }
}

impl Capture {
    fn within<R>(&self, work: impl FnOnce() -> R) -> R {
        let subscriber = tracing_subscriber::registry().with(self.clone());
        tracing::subscriber::with_default(subscriber, work)
    }

    fn events(&self) -> Vec<Heard> {
        std::mem::take(&mut self.events.lock())
    }
}

fn build(about: impl FnOnce(Builder) -> Builder) -> (Breaker, Controller, ManualClock) {
    let clock = ManualClock::new();
    clock.advance(Duration::from_millis(1_500));
    let builder = Breaker::builder("payments")
        .clock(&clock)
        .slow_call(Duration::from_millis(100))
        .consecutive_failures(2)
        .open_for(Duration::from_secs(30))
        .half_open(HalfOpen::successes(1));
    let (breaker, controller) = about(builder).build_with_controller().expect("valid");
    (breaker, controller, clock)
}

fn fail(breaker: &Breaker) {
    breaker
        .try_acquire()
        .expect("admitted")
        .failure(FailureKind::Server);
}

/// A second of traffic, of which so many fail, evenly spread.
#[cfg(feature = "insight")]
fn traffic(breaker: &Breaker, calls: u32, failures: u32) {
    for call in 0..calls {
        let fails = (call + 1) * failures / calls > call * failures / calls;
        let _ = breaker.call(|| if fails { Err(()) } else { Ok(()) });
    }
}

fn fields(all: &[(&'static str, &str)]) -> Fields {
    Fields(
        all.iter()
            .map(|&(name, value)| (name, value.to_owned()))
            .collect(),
    )
}

#[test]
fn each_transition_is_an_event_with_all_its_fields() {
    let capture = Capture::default();
    let (breaker, controller, clock) = build(|b| b);
    let tracing = capture.within(|| Tracing::new(&breaker.observer()));
    let permit = breaker.try_acquire().expect("closed");
    permit.record_timed(Outcome::Success, Duration::from_secs(1));
    fail(&breaker);
    fail(&breaker);
    clock.advance(Duration::from_secs(30));
    breaker.try_acquire().expect("a probe").success();
    controller.force_open();
    controller.observe_only();
    assert!(tracing.drain(LONG));

    // where they open: until when, and the kind of the failure that decided
    let with = |more: &[(&'static str, &str)], mut event: Fields| {
        event.0.extend(fields(more).0);
        event
    };
    let transition = |message, generation, from, to, cause, counts: [&str; 4], at| {
        fields(&[
            ("message", message),
            ("tripcoil.breaker", "payments"),
            ("tripcoil.from", from),
            ("tripcoil.to", to),
            ("tripcoil.cause", cause),
            ("tripcoil.generation", generation),
            ("tripcoil.calls", counts[0]),
            ("tripcoil.failures", counts[1]),
            ("tripcoil.slow", counts[2]),
            ("tripcoil.consecutive_failures", counts[3]),
            ("tripcoil.at_ms", at),
        ])
    };
    let (opened, changed) = ("breaker opened", "breaker changed state");
    let (first, later) = ("1500", "31500");
    let none = ["0"; 4];
    let (window, probe) = (["3", "2", "1", "2"], ["1", "0", "0", "0"]);
    let rule = "consecutive_failures";
    let expected = [
        (
            Level::WARN,
            with(
                &[("error.type", "server"), ("tripcoil.open_for_ms", "30000")],
                transition(opened, "1", "closed", "open", rule, window, first),
            ),
        ),
        (
            Level::INFO,
            transition(
                changed,
                "2",
                "open",
                "half_open",
                "open_elapsed",
                ["3", "2", "1", "0"],
                later,
            ),
        ),
        (
            Level::INFO,
            transition(
                changed,
                "3",
                "half_open",
                "closed",
                "probes_succeeded",
                probe,
                later,
            ),
        ),
        (
            Level::WARN,
            transition(opened, "4", "closed", "forced_open", "manual", none, later),
        ),
        (
            Level::INFO,
            transition(
                changed,
                "5",
                "forced_open",
                "observe_only",
                "manual",
                none,
                later,
            ),
        ),
    ];
    let heard = capture.events();
    for (heard, expected) in heard.iter().zip(&expected) {
        assert_eq!(heard, expected);
    }
    assert_eq!(heard.len(), expected.len());
    // each in a root span of its own
    let around = capture.around.lock().clone();
    assert_eq!(around, [("breaker transition", false); 5]);
    let now = std::time::SystemTime::now();
    let now = now
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970");
    let times = capture.times.lock().clone();
    assert_eq!(times.len(), 5);
    for time in times {
        let ago = now.checked_sub(Duration::from_millis(time)).expect("past");
        assert!(ago < LONG + Duration::from_secs(31), "{ago:?} ago");
    }
}

fn would_trip(rules: &str, calls: &str, failures: &str) -> Heard {
    let all = fields(&[
        ("message", "breaker would have tripped"),
        ("tripcoil.breaker", "payments"),
        ("tripcoil.rules", rules),
        ("tripcoil.calls", calls),
        ("tripcoil.failures", failures),
        ("tripcoil.slow", "0"),
    ]);
    (Level::WARN, all)
}

#[test]
fn what_would_have_tripped_is_told_once_at_the_end_of_its_epoch() {
    let capture = Capture::default();
    let (breaker, _controller, clock) = build(|b| b.initial_state(State::ObserveOnly));
    let tracing = capture.within(|| Tracing::new(&breaker.observer()));
    (0..3).for_each(|_| fail(&breaker));
    assert_eq!(capture.events(), []);
    clock.advance(Duration::from_secs(1));
    breaker.try_acquire().expect("admitted").ignore();
    let mut heard = Vec::new();
    // the end of the epoch is told on another thread
    for _ in 0..6_000 {
        heard.append(&mut capture.events());
        if !heard.is_empty() {
            break;
        }
        breaker.try_acquire().expect("admitted").success();
        clock.advance(Duration::from_secs(1));
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].1.0["message"], "breaker would have tripped");
    assert_eq!(heard[0].1.0["tripcoil.rules"], "1");
    assert!(tracing.drain(LONG));
    assert_eq!(capture.events(), [], "told once");
}

#[test]
fn a_count_window_tells_what_would_have_tripped_when_asked() {
    let capture = Capture::default();
    let (breaker, _controller, _) = build(|b| {
        b.initial_state(State::ObserveOnly)
            .window(Window::count(10))
            .failure_count(3)
    });
    let tracing = capture.within(|| Tracing::new(&breaker.observer()));
    (0..2).for_each(|_| fail(&breaker));
    tracing.check();
    fail(&breaker);
    tracing.check();
    tracing.check();
    let expected = [would_trip("1", "2", "2"), would_trip("1", "3", "3")];
    assert_eq!(capture.events(), expected);
}

/// A subscriber that is stuck while the ring of events goes round.
#[test]
fn missed_transitions_are_told_as_missed() {
    const TRANSITIONS: u64 = 3_000;
    let capture = Capture::default();
    let (breaker, controller, _) = build(|b| b);
    let tracing = capture.within(|| Tracing::new(&breaker.observer()));
    let stuck = capture.events.lock();
    for _ in 0..TRANSITIONS / 2 {
        controller.trip();
        controller.reset();
    }
    drop(stuck);
    assert!(tracing.drain(LONG));
    let heard = capture.events();
    let sum = |message: &str, count: fn(&Fields) -> u64| -> u64 {
        let of_it = heard.iter().filter(|(_, f)| f.0["message"] == message);
        of_it.map(|(_, f)| count(f)).sum()
    };
    let missed = sum("transitions missed", |f| {
        f.0["tripcoil.missed"].parse().expect("a number")
    });
    let told = sum("breaker opened", |_| 1) + sum("breaker changed state", |_| 1);
    assert!(missed > 0 && told > 1_000, "{missed} missed, {told} told");
    assert_eq!(missed + told, TRANSITIONS);
}

#[test]
fn a_rejection_is_on_the_span_of_its_call() {
    let capture = Capture::default();
    let (breaker, controller, clock) = build(|b| b);
    let spanned = |work: &dyn Fn()| {
        let span = tracing::info_span!(
            "call",
            tripcoil.rejected = Empty,
            error.type = Empty,
            tripcoil.state = Empty,
            tripcoil.retry_after_ms = Empty,
        );
        span.in_scope(work);
        let id = span.id().expect("enabled").into_u64();
        capture.spans.lock()[&id].clone()
    };
    let call = || _ = breaker.call(|| Err::<(), _>("its own")).record_rejection();
    let acquire = || _ = breaker.try_acquire().record_rejection();
    capture.within(|| {
        assert_eq!(spanned(&call), Fields::default(), "made, and failed");
        assert_eq!(spanned(&acquire), Fields::default());
        controller.trip();
        clock.advance(Duration::from_millis(250));
        let open = fields(&[
            ("tripcoil.rejected", "true"),
            ("error.type", "rejected"),
            ("tripcoil.state", "open"),
            ("tripcoil.retry_after_ms", "29750"),
        ]);
        assert_eq!(spanned(&call), open);
        assert_eq!(spanned(&acquire), open);
        controller.force_open();
        let forced = fields(&[
            ("tripcoil.rejected", "true"),
            ("error.type", "rejected"),
            ("tripcoil.state", "forced_open"),
        ]);
        assert_eq!(spanned(&acquire), forced);
        // a span that has no such fields, and no span at all
        tracing::info_span!("other").in_scope(call);
        call();
    });
}

#[test]
fn nothing_is_told_after_it_is_dropped() {
    let capture = Capture::default();
    let (breaker, controller, _) = build(|b| b);
    let tracing = capture.within(|| Tracing::new(&breaker.observer()));
    controller.trip();
    assert!(tracing.drain(LONG));
    assert_eq!(capture.events().len(), 1);
    drop(tracing);
    for _ in 0..6_000 {
        // the breaker, the controller: its threads are gone
        if breaker.handles() == 2 {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(breaker.handles(), 2);
    controller.reset();
    assert_eq!(capture.events(), []);
}

#[cfg(all(feature = "fleet", feature = "registry", feature = "testing"))]
#[path = "tracing/fleet.rs"]
mod fleet;
#[cfg(feature = "insight")]
#[path = "tracing/insight.rs"]
mod insight;
#[cfg(feature = "registry")]
#[path = "tracing/keys.rs"]
mod keys;
#[cfg(all(
    feature = "fleet",
    feature = "insight",
    feature = "operate",
    feature = "registry",
    feature = "testing"
))]
#[path = "tracing/page.rs"]
mod page;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: each method hands its arguments to the system's allocator as they came, and counting
// itself neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn no_call_allocates_where_nobody_listens() {
    let (breaker, controller, _) = build(|b| b.consecutive_failures(1_000));
    let _tracing = Tracing::new(&breaker.observer());
    let calls = || {
        let before = ALLOCATIONS.get();
        for _ in 0..100 {
            let _ = breaker.call(|| Ok::<_, ()>(())).record_rejection();
            let _ = breaker.call(|| Err::<(), _>(())).record_rejection();
            let _ = breaker.try_acquire().record_rejection().map(drop);
        }
        ALLOCATIONS.get() - before
    };
    // each thread takes its places in the lists of others once
    calls();
    assert_eq!(calls(), 0, "closed");
    controller.force_open();
    calls();
    assert_eq!(calls(), 0, "rejected");
    assert!(breaker.observer().snapshot().totals.rejected >= 600);
}
