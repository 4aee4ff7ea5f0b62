//! Applies advice, within bounds.

use crate::integrations::insight::advice::advise_by;
use crate::integrations::insight::analysis::{Notice, counts};
use crate::integrations::insight::bounds::Bounds;
use crate::integrations::insight::change::Change;
use crate::integrations::insight::observer::Insight;
use crate::integrations::insight::report::Report;
use crate::integrations::insight::setting::{put, value_of};
use crate::integrations::insight::tuning::Tuning;
use crate::{Config, ConfigError, Controller};
use std::borrow::Borrow;
use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Applies [advice](Insight::advice) to a running breaker, within bounds.
///
/// Call [`tune`](Self::tune) every minute or so. At most once per hour, by the breaker's clock, it sets what the advice
/// suggests, as far as the [`Bounds`] let it. It never delays a call.
///
/// - Settings without bounds are never touched, and neither are those that are fixed when the breaker is built.
/// - Nothing is changed while the breaker is not closed, or more calls fail than is normal.
/// - A change by which a rule trips sooner is undone if that rule then opens the breaker within an hour, and the opening
///   [may have been false](super::OutageRecord::may_be_false). The setting is then left alone for a day. (A change by which
///   a rule trips later cannot have caused it, and is kept.)
/// - A setting that the operator has changed since the tuner was made is the operator's: it is left alone for a day. So
///   is one that the tuner has never set.
/// - It never tightens a setting: one that is more lenient than the traffic calls for stays as it is, and so does one that
///   was raised for traffic that has calmed since. Only a `min_throughput` that the window never holds is lowered, and a
///   wait that is much too long is shortened.
///
/// Each change is kept, with its reason, and reported as a [`Notice::Tuned`].
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use tripcoil::Breaker;
/// use tripcoil::insight::{Bounds, Insight, Tuner};
///
/// let (breaker, controller) = Breaker::builder("payments")
///     .slow_call(Duration::from_millis(100))
///     .slow_rate(0.5)
///     .durations(true) // so that a better slow limit is known
///     .build_with_controller()?;
/// let insight = Insight::new(&breaker.observer());
/// let bounds = Bounds::new()
///     .consecutive_failures(5..=100)
///     .slow_call(Duration::from_millis(100)..=Duration::from_secs(2));
/// let tuner = Tuner::new(&insight, Arc::new(controller), bounds)?;
/// // every minute
/// for change in tuner.tune() {
///     println!("{change}");
/// }
/// # assert!(tuner.changes().is_empty());
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[must_use = "it changes nothing until `tune` is called"]
pub struct Tuner<C = Arc<Controller>> {
    insight: Insight,
    controller: C,
    bounds: Bounds,
    /// Never held by a call of the breaker, nor while a listener runs.
    tuning: Mutex<Tuning>,
}

impl<C> fmt::Debug for Tuner<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tuner")
            .field("name", &self.insight.observer().name())
            .field("bounds", &self.bounds)
            .finish_non_exhaustive()
    }
}

impl<C: Borrow<Controller>> Tuner<C> {
    /// Returns a tuner of the breaker that `insight` learns from. `controller` is that breaker's, as itself, a reference or
    /// an `Arc`.
    ///
    /// # Errors
    ///
    /// Returns every problem of the bounds: a range that is empty or reversed, and one with an end that the setting cannot
    /// have. Also refuses the controller of another breaker.
    ///
    /// ```
    /// use tripcoil::Breaker;
    /// use tripcoil::insight::{Bounds, Insight, Tuner};
    ///
    /// let (breaker, controller) = Breaker::builder("payments").build_with_controller()?;
    /// let insight = Insight::new(&breaker.observer());
    /// let bounds = Bounds::new().min_throughput(0..=100).failure_rate(0.9..=0.3);
    /// let error = Tuner::new(&insight, &controller, bounds).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "invalid configuration of the breaker \"payments\":\n\
    ///      failure_rate is 0.9..=0.3, but must be a range from a smaller value to a larger one\n\
    ///      min_throughput is 0..=100, but must be a range within 1 to 4294967295"
    /// );
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    pub fn new(insight: &Insight, controller: C, bounds: Bounds) -> Result<Tuner<C>, ConfigError> {
        bounds.validate(insight.observer(), controller.borrow())?;
        let tuning = Tuning::new(&insight.observer().config());
        Ok(Tuner {
            insight: insight.clone(),
            controller,
            bounds,
            tuning: tuning.into(),
        })
    }

    /// Applies what is advised, or undoes the last changes, if it is time. Returns the changes that it has made.
    ///
    /// Each change is reported to the listeners of [`Insight::on_notice`] on this thread, before this returns.
    pub fn tune(&self) -> Vec<Change> {
        let report = self.insight.report();
        let mut tuning = self.lock();
        let config = self.insight.observer().config();
        tuning.respect(&config, report.at);
        let undone = tuning.regretted(&report.outages, report.at);
        let wanted = if !undone.is_empty() {
            undone
        } else if tuning.is_due(report.at) && is_calm(&report) {
            self.wanted(&tuning, &report, &config)
        } else {
            return Vec::new();
        };
        let made = self.apply(wanted);
        tuning.made(&made, report.at);
        drop(tuning);
        for change in &made {
            self.insight.notify(Notice::Tuned(change.clone()));
        }
        made
    }

    /// Returns the last 64 changes, oldest first, undone ones and their undoing included.
    #[must_use]
    pub fn changes(&self) -> Vec<Change> {
        self.lock().changes()
    }

    /// What advice would change within the bounds.
    fn wanted(&self, tuning: &Tuning, report: &Report, config: &Config) -> Vec<Change> {
        let seen = self.insight.observed_under(config);
        let advice = advise_by(&seen, config, self.bounds.means());
        let free = advice
            .suggestions
            .into_iter()
            .filter(|one| !tuning.holds(one.setting, report.at));
        free.filter_map(|one| {
            let to = self
                .bounds
                .within(one.setting, &one.present, &one.suggested)?;
            Some(Change {
                at: report.at,
                setting: one.setting,
                from: one.present,
                to,
                reason: one.reason,
            })
        })
        .collect()
    }

    /// Makes those of these changes whose settings no other thread has changed meanwhile, and returns them.
    fn apply(&self, wanted: Vec<Change>) -> Vec<Change> {
        let mut made = Vec::new();
        for change in wanted {
            let Change {
                setting, from, to, ..
            } = change.clone();
            // if the operator changes the rules meanwhile, this is done again, upon theirs
            let put_it = Rc::new(Cell::new(false));
            let puts = put_it.clone();
            let edit = move |config: &mut Config| {
                let as_it_was = value_of(config, setting).as_ref() == Some(&from);
                if as_it_was {
                    put(config, setting, &to);
                }
                puts.set(as_it_was);
            };
            let applied = self
                .controller
                .borrow()
                .reconfigure(|rules| rules.edited(edit));
            if applied.is_ok() && put_it.get() {
                made.push(change);
            }
        }
        made
    }

    fn lock(&self) -> MutexGuard<'_, Tuning> {
        // what a panic has left is whole
        self.tuning.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the breaker is closed and its traffic is as usual.
fn is_calm(report: &Report) -> bool {
    counts(report.state) && report.outage.is_none() && report.degraded.is_none()
}
