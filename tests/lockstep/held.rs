//! A call under way, whichever way it was begun.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tripcoil::{self as crated, CallError, Rejected};

use crate::model::Permit;
use crate::plan::Route;

/// What the guarded calls answer: the outcome that the classifier is to find.
pub(crate) type Answer = Result<crated::Outcome, crated::Outcome>;
pub(crate) type Decode = fn(&Answer) -> crated::Outcome;

pub(crate) fn decode(answer: &Answer) -> crated::Outcome {
    match answer {
        Ok(outcome) | Err(outcome) => *outcome,
    }
}

pub(crate) fn answer(outcome: crated::Outcome) -> Answer {
    if outcome == crated::Outcome::Success {
        Ok(outcome)
    } else {
        Err(outcome)
    }
}

pub(crate) enum End {
    Record(crated::Outcome),
    Timed(crated::Outcome, u64),
    Drop,
    Leak,
}

/// A call under way on both sides.
pub(crate) struct Held<'a> {
    pub(crate) permit: Permit,
    pub(crate) route: Route,
    pub(crate) end: Box<dyn FnOnce(End) + 'a>,
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// The methods of a permit, each by its name; a macro, since the permits' types differ.
macro_rules! ends {
    ($permit:expr) => {{
        let permit = $permit;
        Box::new(move |end| match end {
            $crate::held::End::Record(tripcoil::Outcome::Success) => permit.success(),
            $crate::held::End::Record(tripcoil::Outcome::Failure(kind)) => permit.failure(kind),
            $crate::held::End::Record(tripcoil::Outcome::Ignored) => permit.ignore(),
            $crate::held::End::Record(other) => permit.record(other),
            $crate::held::End::Timed(outcome, took) => {
                permit.record_timed(outcome, $crate::words::span(took))
            }
            $crate::held::End::Drop => drop(permit),
            $crate::held::End::Leak => std::mem::forget(permit),
        })
    }};
}
pub(crate) use ends;

pub(crate) type Admission<'a> = Result<Box<dyn FnOnce(End) + 'a>, Rejected>;

pub(crate) fn future_call(breaker: &crated::Breaker<Decode>) -> Admission<'_> {
    let result = Rc::new(Cell::new(None));
    let inner = {
        let result = Rc::clone(&result);
        poll_fn(move |_| {
            result
                .take()
                .map_or(Poll::Pending, |it| Poll::Ready(answer(it)))
        })
    };
    let mut call = Box::pin(breaker.call_async(inner));
    match poll(call.as_mut()) {
        Poll::Pending => {}
        Poll::Ready(Err(CallError::Rejected(rejected))) => return Err(rejected),
        Poll::Ready(other) => panic!("ready before its future: {other:?}"),
    }
    Ok(Box::new(move |end| match end {
        End::Record(outcome) | End::Timed(outcome, _) => {
            result.set(Some(outcome));
            let Poll::Ready(Ok(got) | Err(CallError::Inner(got))) = poll(call.as_mut()) else {
                panic!("the future's answer was kept back");
            };
            assert_eq!(got, outcome);
        }
        End::Drop => drop(call),
        End::Leak => std::mem::forget(call),
    }))
}
