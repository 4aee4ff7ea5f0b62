//! Registries that follow the settings.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use tripcoil::config::Rules;
use tripcoil::live::{Live, ReloadError};
use tripcoil::registry::{Registry, RegistryController};
use tripcoil::{Breaker, State, Window};

const TEXT: &str = "[default]\nconsecutive_failures = 3\n[breakers.eu]\nconsecutive_failures = 2\n";

fn live() -> Live {
    Live::new(TEXT.parse().unwrap())
}

fn edit(live: &Live, from: &str, to: &str) -> Vec<String> {
    live.replace(TEXT.replace(from, to).parse().unwrap())
        .unwrap_or_else(|error| panic!("{error}"))
        .changed
}

fn run(registry: &Registry<String>, key: &str) -> Option<u32> {
    registry
        .get(key)
        .unwrap()
        .observer()
        .config()
        .consecutive_failures
}

#[test]
fn keys_have_the_settings_of_their_names() {
    let live = live();
    let (registry, controller) = live.registry::<String>();
    assert_eq!(
        (run(&registry, "eu"), run(&registry, "us")),
        (Some(2), Some(3))
    );
    assert_eq!(edit(&live, "= 3", "= 4"), ["us"]);
    // those in use, and those that come later
    assert_eq!(
        (run(&registry, "us"), run(&registry, "asia")),
        (Some(4), Some(4))
    );
    assert_eq!(run(&registry, "eu"), Some(2));
    controller
        .on("eu", |eu| assert_eq!(eu.observer().name(), "eu"))
        .unwrap();
}

#[test]
fn a_bad_edit_changes_no_key_and_no_template() {
    let live = live();
    let (registry, _controller) = live.registry::<String>();
    assert_eq!(run(&registry, "us"), Some(3));
    let text = TEXT.replace("= 3", "= 4\nwindow = { count = 9 }");
    assert!(live.replace(text.parse().unwrap()).is_err());
    assert_eq!(
        (run(&registry, "us"), run(&registry, "asia")),
        (Some(3), Some(3))
    );
}

#[test]
fn a_registry_built_elsewhere_follows() {
    let live = live();
    let (registry, controller) = Registry::builder(|key: &u32| Breaker::builder(key.to_string()))
        .capacity(7)
        .build_with_controller();
    let of = |key: u32| {
        registry
            .get(&key)
            .unwrap()
            .observer()
            .config()
            .consecutive_failures
    };
    assert_eq!(of(1), Some(5));
    live.follow_registry(controller, |key: &u32, settings| {
        let table = if key.is_multiple_of(2) { "eu" } else { "us" };
        Breaker::builder(key.to_string()).config(settings.get(table).clone())
    })
    .unwrap();
    assert_eq!((of(1), of(2)), (Some(3), Some(2)));
    assert_eq!(edit(&live, "= 2", "= 7"), ["2"]);
    assert_eq!((of(1), of(2), of(4)), (Some(3), Some(7), Some(7)));
    assert_eq!(registry.aggregate().capacity, 7);
}

#[test]
fn keys_that_refuse_keep_the_registry_as_it_was() {
    let live = live();
    let (registry, controller) =
        Registry::builder(|key: &String| Breaker::builder(key.as_str()).window(Window::count(10)))
            .build_with_controller();
    assert_eq!(run(&registry, "us"), Some(5));
    let adaptive = Live::new("[default]\nprofile = \"adaptive\"\n".parse().unwrap());
    let controller = std::sync::Arc::new(controller);
    let template = |key: &String, settings: &tripcoil::config::NamedSettings| {
        Breaker::builder(key.as_str()).config(settings.get(key).clone())
    };
    let refused = adaptive
        .follow_registry(controller.clone(), template)
        .unwrap_err();
    assert_eq!(refused[0].breaker(), Some("us"));
    // later keys too are built as before
    assert_eq!(run(&registry, "asia"), Some(5));

    live.follow_registry(controller, template).unwrap();
    assert_eq!(run(&registry, "us"), Some(3));
    let edited = "[default]\nprofile = \"adaptive\"\n".parse().unwrap();
    let Err(ReloadError::Refused(errors)) = live.replace(edited) else {
        panic!("accepted");
    };
    // those with count windows; a key that was built by the settings has another
    let mut names: Vec<_> = errors.iter().filter_map(|error| error.breaker()).collect();
    names.sort_unstable();
    assert_eq!(names, ["asia", "us"]);
    assert_eq!(run(&registry, "us"), Some(3));
}

#[test]
fn overrides_and_changes_for_all_stay_in_force() {
    let live = live();
    let (registry, controller) = live.registry::<String>();
    assert_eq!(run(&registry, "us"), Some(3));
    assert!(
        controller
            .reconfigure_all(|rules| rules.failure_rate(0.9))
            .is_empty()
    );
    controller.observe_only_all();
    assert_eq!(edit(&live, "= 3", "= 4"), ["us"]);
    for key in ["us", "asia"] {
        let breaker = registry.get(key).unwrap();
        let config = breaker.observer().config();
        assert_eq!(
            (config.failure_rate, config.consecutive_failures),
            (Some(0.9), Some(4)),
            "{key}"
        );
        assert_eq!(breaker.state(), State::ObserveOnly, "{key}");
    }
}

#[test]
fn rules_of_one_key_stay_until_an_edit_is_about_it() {
    let live = live();
    let (registry, controller) = live.registry::<String>();
    controller
        .reconfigure("us", |rules| rules.consecutive_failures(77))
        .unwrap();
    edit(&live, "= 2", "= 4");
    assert_eq!(run(&registry, "us"), Some(77));
    edit(&live, "= 3", "= 4");
    assert_eq!(run(&registry, "us"), Some(4));
}

type Clocked = (Registry<String>, Arc<RegistryController<String>>);

/// Follows by a template that panics for the key `legacy`, once that is switched on.
fn with_a_panic(live: &Live) -> (Clocked, Arc<AtomicBool>) {
    let (registry, controller) =
        Registry::builder(|key: &String| Breaker::builder(key.as_str())).build_with_controller();
    let controller = Arc::new(controller);
    let on = Arc::new(AtomicBool::new(false));
    let panics = on.clone();
    live.follow_registry(controller.clone(), move |key: &String, settings| {
        let panics = panics.load(Ordering::Relaxed) && key == "legacy";
        assert!(!panics, "the template's own");
        Breaker::builder(key.as_str()).config(settings.get(key).clone())
    })
    .unwrap();
    ((registry, controller), on)
}

/// One key keeps its rules and is named. All others are changed, and later it is too.
#[test]
fn a_key_whose_template_panics_keeps_its_rules_and_stops_no_other() {
    let live = live();
    let ((registry, _controller), on) = with_a_panic(&live);
    let (mail, _mail) = live.build("mail").unwrap();
    for key in ["legacy", "us"] {
        assert_eq!(run(&registry, key), Some(3));
    }
    on.store(true, Ordering::Relaxed);
    let text = TEXT.replace("= 3", "= 4");
    let reload = live.replace(text.parse().unwrap()).unwrap();
    assert_eq!(reload.changed, ["mail", "us"]);
    assert_eq!(reload.panicked, ["legacy"]);
    assert_eq!(
        reload.to_string(),
        "new rules for \"mail\", \"us\"; the old ones stay, after a panic, for \"legacy\""
    );
    assert_eq!(mail.observer().config().consecutive_failures, Some(4));
    assert_eq!(run(&registry, "legacy"), Some(3));
    assert_eq!(live.behind(), ["legacy"]);
    on.store(false, Ordering::Relaxed);
    // the same text again: it has not had it
    let reload = live.replace(text.parse().unwrap()).unwrap();
    assert_eq!(reload.changed, ["legacy"]);
    assert_eq!((run(&registry, "legacy"), live.behind()), (Some(4), vec![]));
}

#[test]
fn a_panic_hides_no_refusal() {
    let live = Live::new("[default]\nprofile = \"http\"\n".parse().unwrap());
    let (registry, controller) = Registry::builder(|key: &String| {
        let builder = Breaker::builder(key.as_str());
        match &**key {
            "counts" => builder.window(Window::count(9)),
            _ => builder,
        }
    })
    .build_with_controller();
    for key in ["legacy", "us", "counts"] {
        registry.get(key).unwrap();
    }
    let refused = live.follow_registry(controller, |key: &String, settings| {
        assert_ne!(key, "legacy", "the template's own");
        Breaker::builder(key.as_str()).config(settings.get(key).clone())
    });
    let refused = refused.unwrap_err();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].breaker(), Some("counts"));
    assert_eq!(run(&registry, "us"), Some(5), "nothing has changed");
}

/// A template whose keys have count windows, whatever the settings say.
fn counts(live: &Live) -> (Registry<String>, Arc<RegistryController<String>>) {
    let (registry, controller) =
        Registry::builder(|key: &String| Breaker::builder(key.as_str())).build_with_controller();
    let controller = Arc::new(controller);
    live.follow_registry(controller.clone(), |key: &String, settings| {
        let builder = Breaker::builder(key.as_str()).config(settings.get(key).clone());
        match key.starts_with("count") {
            true => builder.window(Window::count(20)),
            false => builder,
        }
    })
    .unwrap();
    (registry, controller)
}

/// No reload can know the keys that come after it.
#[test]
fn a_later_key_that_refuses_is_built_by_the_settings_before() {
    let live = live();
    let (registry, controller) = counts(&live);
    let http = "[default]\nprofile = \"http\"\n";
    assert!(live.replace(http.parse().unwrap()).is_ok());
    // more than one that it refuses
    let other = format!("{http}min_throughput = 7\n");
    assert!(live.replace(other.parse().unwrap()).is_ok());
    assert!(registry.call("counts", || Ok::<_, ()>(())).is_ok());
    assert_eq!(run(&registry, "counts"), Some(3), "those of the first");
    assert_eq!(run(&registry, "us"), None, "the new ones");
    assert_eq!(live.behind(), ["counts"]);
    // it stops no other edit, and is named at each
    let reload = live.replace(http.parse().unwrap()).unwrap();
    assert_eq!(reload.changed, ["us"]);
    assert_eq!(reload.refused.len(), 1);
    assert_eq!(reload.refused[0].breaker(), Some("counts"));
    assert!(
        reload.to_string().contains("breaker \"counts\""),
        "{reload}"
    );
    // until one fits it
    let reload = live.replace(TEXT.parse().unwrap()).unwrap();
    assert_eq!((reload.changed.len(), reload.refused.len()), (2, 0));
    assert!(live.behind().is_empty());
    assert!(controller.forget("counts"));
    assert_eq!(run(&registry, "counts"), Some(3));
}

/// With no settings that make a breaker, the error is that of the newest.
#[test]
fn a_key_that_refuses_all_settings_has_an_error() {
    let live = Live::new("[default]\nprofile = \"http\"\n".parse().unwrap());
    let (registry, _controller) = counts(&live);
    live.replace("[default]\nprofile = \"database\"\n".parse().unwrap())
        .unwrap();
    let error = registry.get("counts").unwrap_err();
    assert_eq!(error.breaker(), Some("counts"));
}

#[test]
fn a_later_key_whose_template_panics_is_built_by_the_settings_before() {
    let live = live();
    let (registry, controller) =
        Registry::builder(|key: &String| Breaker::builder(key.as_str())).build_with_controller();
    live.follow_registry(controller, |key: &String, settings| {
        let config = settings.get(key).clone();
        assert_ne!(config.consecutive_failures, Some(13), "the template's own");
        Breaker::builder(key.as_str()).config(config)
    })
    .unwrap();
    assert_eq!(run(&registry, "us"), Some(3));
    let edited = TEXT.replace("= 3", "= 13").parse().unwrap();
    assert_eq!(live.replace(edited).unwrap().panicked, ["us"]);
    assert_eq!(
        (run(&registry, "us"), run(&registry, "asia")),
        (Some(3), Some(3))
    );
    assert_eq!(live.behind(), ["asia", "us"]);
    assert_eq!(edit(&live, "= 3", "= 4"), ["asia", "us"]);
}

/// A key that comes between the check and the change stops no other, and the result says what has changed.
#[test]
fn a_key_that_refuses_too_late_is_reported_beside_what_has_changed() {
    let live = live();
    let (registry, controller) =
        Registry::builder(|key: &String| Breaker::builder(key.as_str())).build_with_controller();
    let (mail, _mail) = live.build("mail").unwrap();
    let armed = Arc::new(AtomicBool::new(false));
    let (other, arm) = (registry.clone(), armed.clone());
    live.follow_registry(controller, move |key: &String, settings| {
        if key == "us" && arm.swap(false, Ordering::Relaxed) {
            let other = &other;
            thread::scope(|scope| _ = scope.spawn(|| other.get("late").map(drop).unwrap()));
        }
        let builder = Breaker::builder(key.as_str()).config(settings.get(key).clone());
        match &**key {
            "late" => builder.window(Window::count(20)),
            _ => builder,
        }
    })
    .unwrap();
    registry.get("us").unwrap();
    armed.store(true, Ordering::Relaxed);
    let reload = live
        .replace("[default]\nprofile = \"http\"\n".parse().unwrap())
        .unwrap();
    assert_eq!(reload.changed, ["mail", "us"]);
    assert_eq!(reload.refused.len(), 1);
    assert_eq!(reload.refused[0].breaker(), Some("late"));
    assert_eq!(run(&registry, "late"), Some(3));
    assert_eq!(mail.observer().config().consecutive_failures, None);
    assert_eq!(live.settings().get("any").consecutive_failures, None);
}

/// New rules are never there without the operator's change of all, in which a run of failures trips nothing.
#[test]
fn a_reload_takes_no_change_of_all_off_for_a_moment() {
    let text = |wait: u32| {
        format!(
            "[default]\nfailure_rate = false\nconsecutive_failures = 2\nopen_for = \"{wait}s\"\n"
        )
    };
    let live = Live::new(text(60).parse().unwrap());
    let (registry, controller) = live.registry::<String>();
    let breaker = registry.get("us").unwrap();
    let changes: [fn(Rules) -> Rules; 3] = [
        |rules| rules.failure_rate(30.0),
        |rules| rules.consecutive_failures(1_000),
        |_| panic!("the operator's own"),
    ];
    for change in changes {
        let changed = || controller.reconfigure_all(change).len();
        let _shown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(changed));
    }
    let over = AtomicBool::new(false);
    let begin = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            begin.wait();
            while !over.load(Ordering::Relaxed) {
                for answer in [Err(()), Err(()), Err(()), Ok(())] {
                    let _ = breaker.call(|| answer);
                }
            }
        });
        begin.wait();
        for n in 0..2_000 {
            live.replace(text(60 + n % 2).parse().unwrap()).unwrap();
            let config = breaker.observer().config();
            assert_eq!(config.consecutive_failures, Some(1_000));
        }
        over.store(true, Ordering::Relaxed);
    });
    assert_eq!(breaker.state(), State::Closed);
    assert_eq!(breaker.observer().snapshot().transitions, 0);
}

/// An edit is refused for running breakers only.
#[test]
fn what_is_fixed_may_change_for_keys_that_are_not_in_use() {
    let live = live();
    let (registry, _controller) = live.registry::<String>();
    registry.get("us").unwrap();
    let history = |key: &str| registry.get(key).unwrap().observer().config().history;
    let text = TEXT.replace("= 2", "= 2\nhistory = 64") + "[breakers.new]\nhistory = 9\n";
    let reload = live.replace(text.parse().unwrap()).unwrap();
    assert!(reload.changed.is_empty());
    assert_eq!((history("us"), history("eu"), history("new")), (4, 64, 9));
    // now it is in use
    let error = live.replace(TEXT.parse().unwrap()).unwrap_err();
    let lines: Vec<_> = error
        .to_string()
        .lines()
        .skip(1)
        .map(str::to_string)
        .collect();
    let fixed = "it is fixed when a breaker is built";
    assert_eq!(
        lines,
        [
            format!("breakers.new.history is 4, but must be 9: {fixed}"),
            format!("line 3: breakers.eu.history is 4, but must be 64: {fixed}"),
        ]
    );
    // of all keys in use only one has the default's
    let text = text.replace("= 3", "= 3\nhistory = 5");
    let error = live.replace(text.parse().unwrap()).unwrap_err();
    let expected = format!("line 3: default.history is 5, but must be 4: {fixed}");
    assert_eq!(error.to_string().lines().nth(1), Some(&*expected));
    assert_eq!(error.to_string().lines().count(), 2);
}

/// The table that a key's settings are from is found by what would change.
#[test]
fn what_is_fixed_is_reported_in_the_table_of_another_name() {
    let live = live();
    let (registry, controller) =
        Registry::builder(|key: &u32| Breaker::builder(key.to_string())).build_with_controller();
    live.follow_registry(controller, |key: &u32, settings| {
        let table = if *key == 7 { "eu" } else { "us" };
        let builder = Breaker::builder(key.to_string()).config(settings.get(table).clone());
        match settings.contains("doubled") {
            true => builder.history(8),
            false => builder,
        }
    })
    .unwrap();
    registry.get(&7).unwrap();
    let text = TEXT.replace("= 2", "= 2\nhistory = 64") + "[breakers.us]\nhistory = 9\n";
    let error = live.replace(text.parse().unwrap()).unwrap_err().to_string();
    assert!(
        error.contains("line 5: breakers.eu.history is 64"),
        "{error}"
    );
    assert_eq!(error.lines().count(), 2);
    let text = format!("{TEXT}[breakers.doubled]\n");
    let error = live.replace(text.parse().unwrap()).unwrap_err().to_string();
    assert!(
        error.contains("breakers.7.history is 8, but must be 4"),
        "{error}"
    );
}

/// First uses race with reloads: a key never keeps older rules than the last.
#[test]
fn no_key_is_missed_by_a_reload() {
    let live = live();
    let (registry, _controller) = live.registry::<String>();
    let over = AtomicBool::new(false);
    let begin = Barrier::new(4);
    thread::scope(|scope| {
        for thread in 0..3 {
            let (registry, over, begin) = (&registry, &over, &begin);
            scope.spawn(move || {
                begin.wait();
                let mut n = 0;
                while !over.load(Ordering::Relaxed) && n < 3_000 {
                    n += 1;
                    registry.get(&format!("{thread}-{n}")).unwrap();
                }
            });
        }
        begin.wait();
        for n in 0..20 {
            let text = format!("[default]\nconsecutive_failures = {}\n", 10 + n);
            live.replace(text.parse().unwrap()).unwrap();
        }
        over.store(true, Ordering::Relaxed);
    });
    registry.for_each(|key, breaker| {
        assert_eq!(
            breaker.observer().config().consecutive_failures,
            Some(29),
            "{key}"
        );
    });
    assert_eq!(run(&registry, "last"), Some(29));
}
