//! Whoever holds a breaker, a permit, an observer, a local handle or a registry can change neither
//! state nor rules: what would is no program.
//!
//! Each case must fail with exactly the errors beside it, one for each line, and so for the right reason;
//! `control.rs` has the same lines with the right handle, and must compile.

#[test]
fn only_a_controller_changes_state_and_rules() {
    let cases = trybuild::TestCases::new();
    cases.pass("cases/control.rs");
    for handle in [
        "breaker",
        "permit",
        "owned_permit",
        "observer",
        "local",
        "registry",
        "subscription",
        "no_way_to_a_controller",
    ] {
        cases.compile_fail(format!("cases/{handle}.rs"));
    }
}
