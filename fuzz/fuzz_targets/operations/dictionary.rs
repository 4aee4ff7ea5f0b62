//! From bytes to a plan: two say which breaker, and each two after them one operation.
//!
//! Breakers and operations are entries of a dictionary, drawn once from the strategies of the
//! lockstep test. So the fuzzer, which inserts, removes, copies and swaps bytes, does so with whole
//! operations, and nothing is generated twice.
//!
//! Why not feed the bytes to the strategies, as proptest's `PassThrough` generator does? With
//! proptest 1.12 that fails twice over: a `prop_oneof!` hands half of the bytes that are left to
//! each alternative that it passes by, so that a plan sees the first dozen choices and then zeros;
//! and on zeros rand 0.10 never ends, since it rejects them for every range that is no power of two.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::OnceLock;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::model::Setup;
use crate::plan::{Built, Ending, Op, Plan, Route, plans};

/// Operations of one plan. A time limit, in effect.
const LONGEST: usize = 256;

thread_local! {
    /// The breakers that were asked for so far.
    static BREAKERS: RefCell<HashMap<u16, (Setup, Built)>> = RefCell::default();
}

pub(crate) fn plan(data: &[u8]) -> Option<Plan> {
    let (number, rest) = data.split_first_chunk()?;
    let (setup, built) = breaker(u16::from_le_bytes(*number));
    let (pairs, _) = rest.as_chunks::<2>();
    let ops = pairs.iter().take(LONGEST).map(|&pair| op(pair)).collect();
    let mut plan = Plan { setup, built, ops };
    leak_no_breaker(&mut plan.ops);
    (!plan.ops.is_empty()).then_some(plan)
}

fn breaker(number: u16) -> (Setup, Built) {
    BREAKERS.with_borrow_mut(|known| {
        *known.entry(number).or_insert_with(|| {
            let plan = drawn(number);
            (plan.setup, plan.built)
        })
    })
}

fn op([page, line]: [u8; 2]) -> Op {
    static PAGES: OnceLock<Vec<Vec<Op>>> = OnceLock::new();
    let pages = PAGES.get_or_init(|| (0..=255).map(|page| drawn(page).ops).collect());
    let page = &pages[usize::from(page)];
    page[usize::from(line) % page.len()].clone()
}

/// The same plan for the same number, always.
fn drawn(number: u16) -> Plan {
    let mut key = [0; 32];
    key[..2].copy_from_slice(&number.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &key);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let tree = plans().new_tree(&mut runner);
    tree.expect("these strategies reject nothing").current()
}

/// An owned permit that is leaked keeps its breaker for ever, and this process runs thousands of
/// plans: only permits that borrow are leaked here.
fn leak_no_breaker(ops: &mut [Op]) {
    let leaks = |op: &Op| matches!(op, Op::End(_, Ending::Leak) | Op::EndMany(_, Ending::Leak));
    let later = ops.iter().any(leaks);
    for op in ops {
        match op {
            Op::Call(route @ Route::Owned, Ending::Leak) => *route = Route::Permit,
            Op::Acquire(route @ Route::Owned) if later => *route = Route::Permit,
            _ => {}
        }
    }
}
