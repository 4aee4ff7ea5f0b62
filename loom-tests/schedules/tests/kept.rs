//! Plans and schedules that have failed: on the source as it once was, or with a planted fault in it.
//!
//! The schedule is what shuttle printed. It is followed as far as it still fits, since a line of the source
//! that moves an access moves all that follow; then the plan is run under each scheduler.

use tripcoil_schedules::plan::{Ending, Op, Plan, Route, Rule};
use tripcoil_schedules::{again, world};

const LONG: u64 = 63_000_000;
const LONGER: u64 = 2 * LONG;
const FAIL: Op = Op::Call(Route::Shared, Ending::Failure);

/// What asks for a wait sets it after Open has begun; another operator has put off its end by then.
#[test]
fn a_postponement_is_not_taken_back() {
    let plan = Plan::of(&[
        &[Op::TripFor(LONG)],
        &[Op::Snapshot, Op::Postpone(LONGER), Op::Snapshot],
        &[Op::TripFor(LONG), Op::Postpone(LONGER)],
        &[FAIL, Op::State],
    ]);
    again(
        "a_postponement_is_not_taken_back",
        &plan,
        "9103aa08adffa88dc8b8c7b0b40100000000444444444444444444444444444444444444444444444444444444\
        444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444\
        444444444444444444444444444444444444444444444444444444444444444444444400a0aaaaaaaaaaaaaaaa\
        aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
        aaaaaaaaaaaaaaaaaaaa6a66666666666666666666666666666666666666666666666666666666666666666666\
        666666666666666666888888888888888888888888888888888888888888888888888888888888888888888888\
        888888888888888888888888882822222222222222222222222222222222222222222222222222222222222222\
        222222222222222222222222222222222222222222222222222222a2aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
        aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa666666666666666666666666666666666666666666\
        666666666666666666666666666666666666666666666666666666666666666666666666666666666666666666\
        666666666666666666666666666666666666666666666666666666666666666666666666666666666666666666\
        666666666666666666666622220200000000000000000000000000000000000000000000000000000000000000\
        00000000000000",
        world::run,
    );
}

#[test]
fn changes_of_four_operators_all_hold() {
    let plan = Plan::of(&[
        &[Op::Rule(Rule::ConsecutiveFailures(3))],
        &[Op::Rule(Rule::FailureCount(2)), FAIL],
        &[Op::Rule(Rule::FailureRate(0.5))],
        &[Op::Rule(Rule::MinThroughput(2)), FAIL],
    ]);
    again(
        "changes_of_four_operators_all_hold",
        &plan,
        "9103e31383c9bcf7ad8cf4a8db0100000000422066260202682686a24a68264a288a264a6a48422628a44a8266\
        a4622444aa4a2848668844aaa48448aa8824666268a86424244a8a8a42682426a862a2668268a688a62622a224\
        224486a446228626662868a864a286664466aaa688a4a88626226a2a24848242aa48648266284842a22a468428\
        aa4a4228446a842aa422a86a6a426888442626a26a8a62a44686aa82a2a8408a8a44aa644448888484a6a44646\
        a48a68a686886848a86884484a8a4484868aa888aa8644644a446a8a4a6666868a4aaa464448a6844a68aaa8a8\
        644aa466486a86a8686a444a468a48648a84866a686688688a6684a8aa8444844a6a6864a4a4466a6a8aa4a866\
        46a4a8a84884888aa8448aa888a84a484aa4466668a8888a4648a8aa6444a6488a648a6a64868486864a8aa6a8\
        a68a6684a64a4a48a4666644a8a4a648a4a868868666a66668446a8484aa88aa8668a6a844aa6a864aa6466688\
        a684646a46a44886a466a6a866888486684644884668a8446444868664a44664a68466488464466448a6466a68\
        aa8a6468a8a6a46a6666486448846aa6666446888a6a888888a4868a448a68864846486a64668aaaa484446884\
        444a44844a88888a6648aa8a486a868886468a466a6466a666a886a468846a64444a866868486a848a6aa4a48a\
        88644844468a4688a486a4444464a8668aa84484448a4a888448a84a8a4884484888848aaaaa888884a8448a48\
        a4a848aaa48a8a44a4848a88444a444a84a8aa4a48444a444a4aa4a44aa848484484a48a88444a448a88aaa888\
        84848a8848aaaa884a8488444a888a8a4884444848a884488a88aaa4a8aa88aaa8a84a4888a8aa4a8aaa4484a4\
        48444a8888aa8a4a88848a8484a44aaa484a48a8a448844a4484aa4444888844aaaa4a8aa80a00aa0aaaaaaaaa\
        aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa0a0a000000a000a00aa00a0a0a\
        aaa0000000aa000aa000aaa0aaa0a00aa00a0000aaa0a0000a0a000a0aaaa00000a0a0aaa00a0aa0000aa0aa0a\
        00a0aaa000a0000000000000aa00a000aa0a0aa0aa0aa00a000aaaa000000a0a0aa000000a0000aaa0a000aa0a\
        0a0aa0a00aaaa0000aa0a000aa00a00aaaa0000aa000a0a000aa00aa0a000a0a0a00a0a0a0a0000000aaa0a0aa\
        a000a00aa0a000aa00aaa0aaaaa00aa0a0aaaaaaa0a0000a0000a00000a00a0a00a000aaaa0a0aa0aaaaa0aaaa\
        a000000a0aa0aaa00a00a0aaaa0a0a00aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
        aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
        aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa0a000000000000000000000000000000000000000000\
        000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        0000000000000000000000000000000000000000",
        world::run,
    );
}

#[test]
fn a_cursor_is_given_the_event_of_an_update_under_way() {
    let plan = Plan::of(&[
        &[Op::Trip, Op::Reset],
        &[Op::Poll, Op::Poll],
        &[Op::Reset, Op::Poll],
        &[Op::Unpoll, Op::Poll],
    ]);
    again(
        "a_cursor_is_given_the_event_of_an_update_under_way",
        &plan,
        "",
        world::run,
    );
}

/// The place in which events wait was claimed, and then made, by the first that subscribed.
#[test]
fn a_first_subscription_that_is_stopped_stops_no_other() {
    let plan = Plan::of(&[
        &[Op::Poll],
        &[Op::Poll, Op::Unpoll],
        &[Op::Poll, FAIL],
        &[Op::Trip, Op::Poll],
    ]);
    again(
        "a_first_subscription_that_is_stopped_stops_no_other",
        &plan,
        "",
        world::run,
    );
}

/// The schedule is one in which a listener subscribed under an update, and missed its event.
#[test]
fn a_local_handle_waits_for_no_update() {
    let local = Op::Call(Route::Local, Ending::Success);
    let plan = Plan::of(&[
        &[Op::Trip, Op::Reset],
        &[Op::Handle, local],
        &[Op::Handle, Op::Handle],
        &[local, Op::Reset, local],
    ]);
    again(
        "a_local_handle_waits_for_no_update",
        &plan,
        "9103b308d5eeb4bee5a39ca28b0100000020222222222222222222222222222222222222222222222222222222\
        222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222\
        222222222222222222222222404444444444444444444444444444444444444444444444444444444444444444\
        444444444444444444444444444444444444444444444444444444444460666666666666666680888888888888\
        88888888888888888888888888888888888888888888888888888888888888888888888888888888a0aaaaaaaa\
        aaaaaaaaaaaaaaaaaaaa2222222222222222222222222222222222220080888888888888888888888888888888\
        888888888888888888888888888888888888888888888888888808a0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
        aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa0a0000000000000000000000000000\
        000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        0000000000000000000000000000000000000000000000000000000000000000000000aaaaaaaaaaaaaaaaaaaa\
        aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
        aaaaaaaaaaaaaaaaaaaaaa0a",
        world::run,
    );
}
