//! Any configuration at all: refused for the reasons that a plain reading of the contract gives,
//! or else a breaker can be built of it, and lives.
#![no_main]
#![allow(clippy::panic, reason = "a panic is how a finding is told")]

mod draws;
mod life;
mod reading;
mod settings;

use std::collections::BTreeSet;

use libfuzzer_sys::arbitrary;
use libfuzzer_sys::{Corpus, fuzz_target};
use tripcoil::{Breaker, ConfigError, ManualClock};

use crate::draws::Draws;
use crate::settings::Settings;

fuzz_target!(|data: &[u8]| -> Corpus {
    match check(data) {
        Ok(()) => Corpus::Keep,
        // not bytes enough
        Err(_) => Corpus::Reject,
    }
});

fn check(data: &[u8]) -> arbitrary::Result<()> {
    let mut draws = Draws::new(data)?;
    let settings = Settings::draw(&mut draws)?;
    let clock = ManualClock::new();
    clock.advance(draws.span(&settings::SHORT)?);
    let config = settings.config(&clock);

    let expected = reading::refused(&settings);
    let verdict = config.validate();
    let found = verdict.as_ref().map_or_else(fields, |()| BTreeSet::new());
    assert_eq!(found, expected, "of {settings:?}: {verdict:?}");

    match Breaker::from_config_with_controller("fuzzed", config) {
        Err(error) => {
            assert_eq!(error.breaker(), Some("fuzzed"));
            let verdict = verdict.expect_err("refused here alone");
            assert_eq!(error.problems(), verdict.problems());
            Ok(())
        }
        Ok((breaker, controller)) => {
            assert_eq!(verdict, Ok(()), "built all the same: {settings:?}");
            life::live(&settings, &clock, &breaker, &controller, &mut draws)
        }
    }
}

/// Where the problems are, each of which tells all that it should.
fn fields(error: &ConfigError) -> BTreeSet<&'static str> {
    assert!(!error.problems().is_empty());
    let text = error.to_string();
    for problem in error.problems() {
        let parts = [problem.field, &problem.value, &problem.permitted];
        assert!(parts.iter().all(|part| !part.is_empty()), "{problem:?}");
        assert!(text.contains(&problem.to_string()), "{problem} in {text}");
    }
    error.problems().iter().map(|it| it.field).collect()
}
