//! The list, one breaker, its history and its outages.

use crate::rig::{Rig, check};
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;
use tripcoil::insight::Insight;
use tripcoil::operate::Operator;
use tripcoil::{Breaker, Clock, Config, FailureKind, ManualClock, Outage, Window};

const SECOND: Duration = Duration::from_secs(1);

fn names(list: &Value) -> Vec<&str> {
    let breakers = list["breakers"].as_array().unwrap();
    breakers
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_breaker_is_shown_with_all_that_is_known_of_it() {
    let clock = ManualClock::new();
    let breaker = Breaker::builder("orders")
        .consecutive_failures(3)
        .outage(Outage::at(0.5))
        .open_for(5 * SECOND)
        .durations(true)
        .clock(&clock)
        .build()
        .unwrap();
    let insight = Insight::new(&breaker.observer());
    let operator = Operator::new()
        .observer(&breaker.observer())
        .insight(&insight);
    let rig = Rig::new(operator).await;
    for _ in 0..3 {
        clock.advance(SECOND / 2);
        breaker.try_acquire().unwrap().failure(FailureKind::Server);
    }
    assert!(insight.drain(Duration::from_secs(60)));
    clock.advance(2 * SECOND);

    let one = rig.read("/breakers/orders").await;
    assert_eq!(
        (&one["name"], &one["switchable"]),
        (&json!("orders"), &json!(false))
    );
    assert_eq!(one["at_seconds"], 3.5);
    assert_eq!(one["snapshot"]["state"], "open");
    assert_eq!(one["snapshot"]["retry_after_seconds"], 3.0);
    assert_eq!(one["history"][0]["cause"], "consecutive_failures");
    assert_eq!(one["history"][0]["at_seconds"], 1.5);
    assert_eq!(one["config"]["consecutive_failures"], 3);
    let Value::Object(config) = &one["config"] else {
        panic!("{one}")
    };
    assert!(!config.contains_key("clock"), "it is the test's own");
    assert_eq!(one["insight"]["state"], "open");
    assert_eq!(one["insight"]["outage"]["cause"], "consecutive_failures");

    let history = rig.read("/breakers/orders/history").await;
    assert_eq!(history["transitions"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&history["name"], &history["at_seconds"]),
        (&json!("orders"), &json!(3.5))
    );

    let outages = rig.read("/breakers/orders/outages").await;
    assert_eq!(outages["outage"]["began_seconds"], 1.5);
    assert_eq!(outages["outage"]["ended_seconds"], Value::Null);
    assert_eq!(
        (&outages["eta"]["guess"], &outages["outages"]),
        (&json!(true), &json!([]))
    );
}

#[tokio::test]
async fn without_an_insight_there_are_no_outages() {
    let [orders, stock] = ["orders", "stock"].map(|name| Breaker::builder(name).build().unwrap());
    let of_stock = Insight::new(&stock.observer());
    let found = of_stock.clone();
    let operator = Operator::new()
        .observer(&orders.observer())
        .observer(&stock.observer())
        .insights(move |observer| (observer.name() == "stock").then(|| found.clone()));
    let rig = Rig::new(operator).await;
    let answer = rig.get("/breakers/orders/outages").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(
        answer.json(),
        json!({ "error": "the breaker has no insight" })
    );
    assert_eq!(rig.read("/breakers/orders").await["insight"], Value::Null);
    let outages = rig.read("/breakers/stock/outages").await;
    assert_eq!(outages["outages_total"], 0);
    assert_eq!(
        rig.read("/breakers/stock").await["insight"]["name"],
        "stock"
    );
}

#[tokio::test]
async fn every_kind_of_breaker_can_be_shown() {
    let count = Breaker::builder("count")
        .window(Window::count(20))
        .build()
        .unwrap();
    let adaptive = Breaker::adaptive("adaptive").build().unwrap();
    let precise = Breaker::builder("precise")
        .clock(Clock::precise())
        .build()
        .unwrap();
    let mut operator = Operator::new();
    for breaker in [&count, &adaptive, &precise] {
        for n in 0..20 {
            let _ = breaker.call(|| if n % 3 == 0 { Err(()) } else { Ok(()) });
        }
        operator = operator.observer(&breaker.observer());
    }
    let rig = Rig::new(operator).await;
    for name in ["count", "adaptive", "precise"] {
        let one = rig.read(&format!("/breakers/{name}")).await;
        assert_eq!(one["snapshot"]["window"]["calls"], 20, "{name}");
        rig.read(&format!("/breakers/{name}/history")).await;
    }
    let config = rig.read("/breakers/precise").await["config"].clone();
    assert_eq!(config["clock"], "precise");
    // what is shown can be read as a file
    let read: Config = serde_json::from_value(config).unwrap();
    assert_eq!(read, precise.observer().config());
    let list = rig.read("/breakers?detail=full").await;
    assert_eq!(names(&list), ["adaptive", "count", "precise"]);
}

#[tokio::test]
async fn the_list_is_selected_ordered_and_cut() {
    let mut operator = Operator::new().switches(check);
    let mut kept = Vec::new();
    for name in ["f", "e", "d", "c", "b", "a"] {
        let builder = Breaker::builder(name)
            .min_throughput(1000)
            .consecutive_failures(1000);
        let (breaker, controller) = builder.build_with_controller().unwrap();
        match name {
            "a" => drop(controller.disable()),
            "c" => drop(controller.trip()),
            "d" => drop(controller.half_open()),
            "e" => drop(controller.force_open()),
            "f" => (0..10).for_each(|_| assert!(breaker.call(|| Err::<(), _>(())).is_err())),
            _ => {}
        }
        operator = operator.controller(controller);
        kept.push(breaker);
    }
    let rig = Rig::new(operator).await;
    let all = rig.read("/breakers").await;
    assert_eq!(names(&all), ["a", "b", "c", "d", "e", "f"]);
    assert_eq!(
        (&all["total"], &all["matching"], &all["next"]),
        (&json!(6), &json!(6), &Value::Null)
    );
    assert_eq!(
        (&all["switches"], &all["unreadable"]),
        (&json!(true), &json!(0))
    );
    let states = json!({
        "closed": 2, "open": 1, "half_open": 1, "forced_open": 1, "disabled": 1, "observe_only": 0,
    });
    assert_eq!(all["states"], states);
    assert_eq!(all["breakers"][4]["state"], "forced_open");

    let worst = rig.read("/breakers?order=worst").await;
    assert_eq!(names(&worst), ["c", "d", "e", "a", "f", "b"]);
    let worst = rig.read("/breakers?order=worst&limit=2").await;
    assert_eq!(
        (names(&worst), &worst["matching"], &worst["next"]),
        (vec!["c", "d"], &json!(6), &Value::Null)
    );

    assert_eq!(names(&rig.read("/breakers?state=open").await), ["c"]);
    assert_eq!(
        names(
            &rig.read("/breakers?state=open,forced_open&state=closed")
                .await
        ),
        ["b", "c", "e", "f"]
    );
    assert_eq!(names(&rig.read("/breakers?contains=E").await), ["e"]);
    assert_eq!(names(&rig.read("/breakers?after=d").await), ["e", "f"]);
    assert_eq!(
        names(&rig.read("/breakers?after=cc").await),
        ["d", "e", "f"]
    );
    assert_eq!(
        names(&rig.read("/breakers?after=z").await),
        Vec::<&str>::new()
    );

    // page by page, each once
    let (mut path, mut seen) = (
        "/breakers?limit=4&state=closed,open,half_open,disabled".to_owned(),
        Vec::new(),
    );
    loop {
        let page = rig.read(&path).await;
        assert_eq!((&page["total"], &page["matching"]), (&json!(6), &json!(5)));
        seen.extend(names(&page).into_iter().map(str::to_owned));
        match page["next"].as_str() {
            Some(next) => path = format!("/breakers{next}"),
            None => break,
        }
    }
    assert_eq!(seen, ["a", "b", "c", "d", "f"]);
}

#[tokio::test]
async fn a_query_that_is_not_understood_is_answered_with_every_problem() {
    let rig = Rig::new(Operator::new()).await;
    let answer = rig
        .get("/breakers?limit=0&limit=1001&limit=&state=half-open&oder=worst&detail=all&skip=-1")
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let body = answer.json();
    let fields: Vec<_> = body["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["field"].clone())
        .collect();
    assert_eq!(
        fields,
        ["limit", "limit", "limit", "state", "oder", "detail", "skip"]
    );
    let first = &body["problems"][0]["problem"];
    assert_eq!(first, "is \"0\", but must be a whole number from 1 to 1000");
    for (query, field) in [("order=worst&after=a", "after"), ("skip=1", "skip")] {
        let answer = rig.get(&format!("/breakers?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.json()["problems"][0]["field"], field);
    }
    let empty = rig.read("/breakers").await;
    assert_eq!(
        (&empty["total"], &empty["breakers"]),
        (&json!(0), &json!([]))
    );
}

#[tokio::test]
async fn an_answer_has_an_end_however_long_a_history_is() {
    let (_breaker, controller) = Breaker::builder("orders")
        .history(65_536)
        .build_with_controller()
        .unwrap();
    (0..5_000).for_each(|_| assert!(controller.reset()));
    let rig = Rig::new(Operator::new().controller(controller)).await;
    let generations = |transitions: &Value| -> Vec<u64> {
        let transitions = transitions.as_array().unwrap().iter();
        transitions
            .map(|t| t["generation"].as_u64().unwrap())
            .collect()
    };
    let last: Vec<_> = (4_985..=5_000).collect();
    let one = rig.read("/breakers/orders").await;
    assert_eq!(generations(&one["history"]), last);
    let list = rig.read("/breakers?detail=full").await;
    assert_eq!(generations(&list["breakers"][0]["history"]), last);

    let page = rig.read("/breakers/orders/history").await;
    let found = generations(&page["transitions"]);
    assert_eq!(found, (4_901..=5_000).collect::<Vec<_>>(), "by default");
    // back to the first, each once
    for path in ["/breakers/orders/history", "/breakers/_/history"] {
        let (mut query, mut seen) = ("?limit=999&name=orders".to_owned(), Vec::new());
        loop {
            let page = rig.read(&format!("{path}{query}")).await;
            let mut found = generations(&page["transitions"]);
            assert!(found.len() <= 999);
            found.append(&mut seen);
            seen = found;
            match page["next"].as_str() {
                Some(next) => next.clone_into(&mut query),
                None => break,
            }
        }
        assert_eq!(seen, (1..=5_000).collect::<Vec<_>>());
    }
    for (query, found) in [
        ("before=1", vec![]),
        ("before=0", vec![]),
        ("before=2", vec![1]),
        ("limit=2&before=4", vec![2, 3]),
        ("limit=1&before=18446744073709551615", vec![5_000]),
    ] {
        let page = rig.read(&format!("/breakers/orders/history?{query}")).await;
        assert_eq!(generations(&page["transitions"]), found, "{query}");
    }
    let answer = rig
        .get("/breakers/orders/history?limit=0&limit=1001&before=x&after=1")
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let body = answer.json();
    let problems = body["problems"].as_array().unwrap().iter();
    let fields: Vec<_> = problems.map(|p| p["field"].clone()).collect();
    assert_eq!(fields, ["limit", "limit", "before", "after"]);

    // with everything about each, a page is smaller
    for (query, status) in [
        ("limit=200&detail=full", 200),
        ("limit=201&detail=full", 400),
        ("detail=full&limit=1000", 400),
        ("limit=1000", 200),
    ] {
        let answer = rig.get(&format!("/breakers?{query}")).await;
        assert_eq!(answer.status.as_u16(), status, "{query}");
    }
}

#[tokio::test]
async fn a_history_shorter_than_a_page_is_shown_as_far_as_it_goes() {
    for kept in [1, 2, 3] {
        let (_breaker, controller) = Breaker::builder("orders")
            .history(kept)
            .build_with_controller()
            .unwrap();
        (0..9).for_each(|_| assert!(controller.reset()));
        let rig = Rig::new(Operator::new().controller(controller)).await;
        let page = rig.read("/breakers/orders/history?limit=2").await;
        let shown = page["transitions"].as_array().unwrap().len();
        assert_eq!(shown, 2.min(kept as usize), "{kept}");
        assert_eq!(page["next"].is_null(), kept < 3, "{kept}");
        if let Some(next) = page["next"].as_str() {
            let page = rig.read(&format!("/breakers/orders/history{next}")).await;
            let found = &page["transitions"];
            assert_eq!(
                (found.as_array().unwrap().len(), &found[0]["generation"]),
                (1, &json!(7))
            );
            assert_eq!(page["next"], Value::Null);
        }
    }
}

#[tokio::test]
async fn a_search_for_an_insight_that_panics_hides_nothing_else() {
    let breaker = Breaker::builder("orders").build().unwrap();
    let well = Breaker::builder("well").build().unwrap();
    let insight = Insight::new(&well.observer());
    let operator = Operator::new()
        .observer(&breaker.observer())
        .observer(&well.observer())
        .insights(move |observer| {
            assert_eq!(observer.name(), "well", "the test's search");
            Some(insight.clone())
        });
    let rig = Rig::new(operator).await;
    let list = rig.read("/breakers?detail=full").await;
    assert_eq!(
        (names(&list), &list["unreadable"]),
        (vec!["orders", "well"], &json!(0))
    );
    assert_eq!(list["breakers"][0]["insight"], Value::Null);
    assert_eq!(list["breakers"][1]["insight"]["name"], "well");
    let one = rig.read("/breakers/orders").await;
    assert_eq!(
        (&one["insight"], &one["snapshot"]["state"]),
        (&Value::Null, &json!("closed"))
    );
    let answer = rig.get("/breakers/orders/outages").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    let error = "the search for the insight of this breaker has panicked";
    assert_eq!(answer.json(), json!({ "error": error }));
    assert_eq!(rig.read("/breakers/well/outages").await["outages_total"], 0);
}

#[tokio::test]
async fn a_breaker_that_is_added_twice_is_one() {
    use std::sync::Arc;
    let (breaker, controller) = Breaker::builder("orders").build_with_controller().unwrap();
    let controller = Arc::new(controller);
    let observer = breaker.observer();
    let both = |operator: Operator| operator.switches(check);
    for operator in [
        both(
            Operator::new()
                .observer(&observer)
                .controller(controller.clone()),
        ),
        both(
            Operator::new()
                .controller(controller.clone())
                .observer(&observer),
        ),
        both(
            Operator::new()
                .controller(controller.clone())
                .controller(controller.clone()),
        ),
        both(
            Operator::new()
                .observer(&observer)
                .controller(controller.clone())
                .observer(&observer),
        ),
    ] {
        let rig = Rig::new(operator).await;
        let list = rig.read("/breakers").await;
        assert_eq!((names(&list), &list["total"]), (vec!["orders"], &json!(1)));
        assert_eq!(list["breakers"][0]["switchable"], true);
        assert_eq!(list["states"]["closed"], 1);
        assert_eq!(rig.read("/breakers/orders").await["switchable"], true);
        let (status, done) = rig.post("/breakers/orders/reset", "").await;
        assert_eq!((status, &done["changed"]), (StatusCode::OK, &json!(true)));
    }
    let rig = Rig::new(Operator::new().observer(&observer).observer(&observer)).await;
    assert_eq!(rig.read("/breakers").await["total"], 1);
    assert_eq!(rig.read("/breakers/orders").await["switchable"], false);
    // another of that name is another
    let twin = Breaker::builder("orders").build().unwrap();
    let operator = Operator::new()
        .observer(&observer)
        .observer(&twin.observer());
    let rig = Rig::new(operator).await;
    assert_eq!(rig.read("/breakers").await["total"], 2);
    assert_eq!(
        rig.get("/breakers/orders").await.status,
        StatusCode::CONFLICT
    );
}

#[tokio::test]
async fn a_clock_that_panics_hides_its_breaker_and_no_other() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    let broken = Arc::new(AtomicBool::new(false));
    let now = broken.clone();
    let clock = Clock::custom(move || {
        assert!(!now.load(Ordering::Relaxed), "the test's clock");
        SECOND
    });
    let (strange, controller) = Breaker::builder("strange")
        .clock(clock)
        .build_with_controller()
        .unwrap();
    let well = Breaker::builder("well").build().unwrap();
    let operator = Operator::new()
        .controller(controller)
        .observer(&well.observer())
        .switches(check);
    let rig = Rig::new(operator).await;
    assert_eq!(names(&rig.read("/breakers").await), ["strange", "well"]);
    broken.store(true, Ordering::Relaxed);
    for detail in ["summary", "full&order=worst"] {
        let list = rig.read(&format!("/breakers?detail={detail}")).await;
        assert_eq!(
            (names(&list), &list["unreadable"]),
            (vec!["well"], &json!(1))
        );
    }
    for path in ["/breakers/strange", "/breakers/strange/history"] {
        let answer = rig.get(path).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
    }
    let (status, _) = rig.post("/breakers/strange/trip", "").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    broken.store(false, Ordering::Relaxed);
    assert_eq!(names(&rig.read("/breakers").await), ["strange", "well"]);
    drop(strange);
}
