//! Registries that follow the settings.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use tripcoil::live::{Live, ReloadError};
use tripcoil::registry::Registry;
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

#[test]
fn a_template_that_panics_changes_nothing() {
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
    assert!(matches!(
        live.replace(edited),
        Err(ReloadError::TemplatePanicked)
    ));
    assert_eq!(
        (run(&registry, "us"), run(&registry, "asia")),
        (Some(3), Some(3))
    );
    assert_eq!(edit(&live, "= 3", "= 4"), ["asia", "us"]);
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
