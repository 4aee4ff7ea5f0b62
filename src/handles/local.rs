//! The handle that owns a stripe.

use crate::classify::classifier::{ByRef, ErrIsFailure};
use crate::engine::call::Admission;
use crate::engine::call::Timing;
use crate::engine::state::Core;
#[cfg(feature = "std")]
use crate::engine::window::Shape;
use crate::engine::window::stripes::Place;
use crate::error::Rejected;
use crate::handles::breaker::Breaker;
use crate::handles::call::{Guarded, guarded_calls};
use crate::handles::observer::Observer;
use crate::handles::permit::{Handle, OwnedPermit, Pending, permit};
use crate::words::outcome::{Outcome, State};
use alloc::sync::Arc;
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;

/// A handle for the hot loop of one thread. `Send`, not `Sync`.
///
/// It owns a stripe for its successes, so that recording one is a load and a store. Readers see them
/// at once; a rule may become true of them one outcome later. Failures, slow outcomes and all other accesses use the shared words.
///
/// A breaker with a time window has at most as many owned stripes as there are CPUs, rounded up to
/// a power of two. Further handles, and all handles of a count window, share the stripes and
/// otherwise work the same.
///
/// ```
/// use tripcoil::Breaker;
///
/// let breaker = Breaker::builder("cache").build()?;
/// let threads: Vec<_> = (0..2)
///     .map(|_| breaker.local())
///     .map(|local| std::thread::spawn(move || (0..100).for_each(|_| { let _ = local.call(|| Ok::<_, ()>(())); })))
///     .collect();
/// threads.into_iter().for_each(|t| t.join().expect("ended"));
/// assert_eq!(breaker.observer().snapshot().totals.successes, 200);
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
pub struct Local<C = ErrIsFailure> {
    owning: Owning,
    classifier: Arc<C>,
}

/// The stripe's one writer.
pub(crate) struct Owning {
    core: Arc<Core>,
    /// The owned stripe, if one was free.
    place: Option<Place>,
    /// Two threads must not store at once.
    not_sync: PhantomData<Cell<()>>,
}

impl Owning {
    fn new(core: Arc<Core>) -> Owning {
        Owning {
            place: take_owned(&core),
            core,
            not_sync: PhantomData,
        }
    }
}

/// Takes an owned stripe, if one is free.
#[cfg(feature = "std")]
fn take_owned(core: &Core) -> Option<Place> {
    if !matches!(core.head.window, Shape::Time(_)) || !core.stripes.make_owned() {
        return None;
    }
    let place = core.stripes.take_owned();
    // before the first store: no later update may miss the array
    core.sync(core.head.clock.nanos());
    place
}

/// Without `std` there is one stripe, and all handles share it.
#[cfg(not(feature = "std"))]
fn take_owned(_: &Core) -> Option<Place> {
    None
}

impl Handle for &Owning {
    #[inline]
    fn core(&self) -> &Core {
        &self.core
    }

    #[inline(always)]
    fn conclude(&self, admission: Admission, outcome: Outcome, timing: Timing) {
        if outcome == Outcome::Success
            && let Some(place) = &self.place
        {
            return self.core.succeed_in(place, admission, timing);
        }
        self.core.conclude(admission, outcome, timing);
    }
}

permit! {
    /// A [`Permit`](crate::Permit) of a [`Local`] handle. It stays on its thread.
    LocalPermit<'a>, &'a Owning
}

/// A [`Call`](crate::call::Call) of a [`Local`] handle.
#[derive(Clone, Copy)]
#[must_use = "this makes no call by itself"]
pub struct LocalCall<'a, D>(Guarded<&'a Owning, D>);

impl<D> fmt::Debug for LocalCall<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.handle.core.debug("LocalCall", f)
    }
}

impl<'a, D> LocalCall<'a, D> {
    guarded_calls!(self: Self, D, self.0);

    /// Replaces the classifier of the call.
    pub fn with_classifier<O>(self, classifier: O) -> LocalCall<'a, O> {
        LocalCall(self.0.with_classifier(classifier))
    }

    /// Replaces the slow limit of the call: a call that lasts longer is slow. Zero switches the
    /// limit off.
    pub fn with_slow_call(self, limit: Duration) -> LocalCall<'a, D> {
        LocalCall(self.0.with_slow_call(limit))
    }
}

impl<C> Breaker<C> {
    /// Returns a handle for the hot loop of one thread; see [`Local`].
    #[must_use]
    pub fn local(&self) -> Local<C> {
        Local {
            owning: Owning::new(self.core.clone()),
            classifier: self.classifier.clone(),
        }
    }
}

impl<C> fmt::Debug for Local<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.owning.core.debug("Local", f)
    }
}

impl<C> Local<C> {
    #[inline]
    fn guard(&self) -> Guarded<&Owning, ByRef<'_, C>> {
        Guarded::by_ref(&self.owning, &*self.classifier)
    }

    guarded_calls!(self: &Self, C, self.guard());

    /// Returns a view of the handle for calls that need another classifier.
    pub fn with_classifier<D>(&self, classifier: D) -> LocalCall<'_, D> {
        LocalCall(self.guard().with_classifier(classifier))
    }

    /// Returns a view of the handle for calls that need another slow limit.
    ///
    /// If the limit is finer than a coarse clock, such a call is timed by the precise clock.
    pub fn with_slow_call(&self, limit: Duration) -> LocalCall<'_, ByRef<'_, C>> {
        LocalCall(self.guard().with_slow_call(limit))
    }

    /// Asks for a permit, for a call that you make and record yourself.
    ///
    /// # Errors
    ///
    /// Returns [`Rejected`], with the state, the cause and, while open, the rest of the wait.
    #[inline]
    pub fn try_acquire(&self) -> Result<LocalPermit<'_>, Rejected> {
        let admission = self.owning.core.admit(None)?;
        Ok(LocalPermit(Pending::new(&self.owning, admission, None)))
    }

    /// Asks for a permit that borrows nothing. Its result is recorded in a shared stripe.
    ///
    /// # Errors
    ///
    /// Returns [`Rejected`], with the state, the cause and, while open, the rest of the wait.
    pub fn try_acquire_owned(&self) -> Result<OwnedPermit, Rejected> {
        let admission = self.owning.core.admit(None)?;
        Ok(OwnedPermit(Pending::new(
            self.owning.core.clone(),
            admission,
            None,
        )))
    }

    /// Returns a handle that only reads.
    #[must_use]
    pub fn observer(&self) -> Observer {
        Observer::new(self.owning.core.clone())
    }

    /// Returns the state, and changes nothing.
    #[must_use]
    pub fn state(&self) -> State {
        self.owning.core.control().state()
    }

    /// Returns the breaker's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.owning.core.name
    }
}
