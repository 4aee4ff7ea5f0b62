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
