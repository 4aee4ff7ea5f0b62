//! How stripes grow, what lands in one, how an allowance is shared, and who owns a stripe.

use super::*;

#[test]
fn each_index_has_a_stripe_of_its_own() {
    let s = Stripes::new(6);
    for level in 0..3 {
        assert!(s.grow(level), "level {level}");
    }
    assert!(!s.grow(3), "no more than the CPUs");
    for i in 0..8 {
        for j in 0..8 {
            assert_eq!(core::ptr::eq(s.get(i), s.get(j)), i == j);
        }
    }
    assert_eq!(s.all().count(), 8);
}

/// `tests/soak` counts with that.
#[test]
fn a_stripe_takes_no_more_than_512_bytes() {
    assert!(size_of::<CachePadded<Stripe>>() <= 512);
    assert!(size_of::<Level>() <= 512);
}

/// By whichever stripe that there is, announced or not, and before and after there are more.
#[test]
fn rejections_add_up_over_all_stripes() {
    let s = Stripes::new(4);
    for _ in 0..100 {
        s.reject(State::Open);
        s.add(Class::SlowSuccess, FailureKind::Server);
    }
    assert_eq!(s.all().count(), 1, "nobody was met");
    let rejected = |s: &Stripes| {
        s.all()
            .map(|s| s.side.rejected[Rejections::slot(State::Open)].get())
            .sum::<u64>()
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..10_000).for_each(|_| s.reject(State::Open)));
        }
    });
    assert_eq!(rejected(&s), 40_100);
    while s.grow(s.made.get() as usize) {}
    assert_eq!((s.made.get(), s.all().count()), (2, 4));
    (0..4).for_each(|_| s.reject(State::Open));
    assert_eq!(rejected(&s), 40_104);
}

#[test]
fn an_outcome_lands_in_its_version_alone() {
    let s = Stripe::default();
    assert_eq!(
        s.try_count(Class::SlowFailure, Version(0)).map(|l| l.count),
        Some(1)
    );
    assert!(s.try_count(Class::SlowFailure, Version(1)).is_none());
    assert_eq!(
        s.try_count(Class::SlowFailure, Version(0)).map(|l| l.count),
        Some(2)
    );
    assert_eq!(
        s.try_count(Class::FastFailure, Version(0)).map(|l| l.count),
        Some(1)
    );
}

#[test]
fn a_limit_holds_in_its_version_and_over_the_wrap() {
    let s = Stripe::default();
    s.limits[Class::FastFailure as usize].store(Tagged::new(Version(7), 3));
    assert!(s.within(Class::FastFailure, Version(7), 3));
    assert!(!s.within(Class::FastFailure, Version(7), 4));
    assert!(!s.within(Class::FastFailure, Version(8), 3));
    assert!(
        s.within(Class::FastFailure, Version(7), PAYLOAD_MAX),
        "just below the wrap"
    );
    s.limits[Class::FastSuccess as usize].store(Tagged::new(Version(8), 9));
    assert!(
        s.within(Class::FastSuccess, Version(8), 9)
            && !s.within(Class::FastSuccess, Version(8), 10)
    );
}

#[test]
fn shares_add_up() {
    let a = Allowance {
        fast_successes: 5,
        fast_failures: 13,
        slow_successes: 2,
        slow_failures: 0,
        lenient_failures: 9,
    };
    for of in [1, 2, 4, 8] {
        let sum = |k: usize| (0..of).map(|i| share(a.by_class()[k], i, of)).sum::<u64>();
        assert_eq!([0, 1, 2, 3, 4].map(sum), [5, 13, 2, 0, 9]);
    }
}

#[test]
fn an_owned_stripe_has_one_owner() {
    let s = Stripes::new(2);
    assert!(s.take_owned().is_none());
    assert!(s.make_owned());
    let at = |place: &Option<Place>| place.as_ref().map(|p| p.at);
    let (a, b) = (s.take_owned(), s.take_owned());
    let taken = (at(&a), at(&b), at(&s.take_owned()));
    assert_eq!(taken, (Some(0), Some(1), None));
    drop(a);
    assert_eq!(at(&s.take_owned()), Some(0));
}
