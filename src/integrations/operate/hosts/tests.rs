#![allow(clippy::expect_used, reason = "a test may fail loudly")]

use super::*;

fn served(host: &str, asked: &str) -> bool {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, asked.parse().expect("a header"));
    are_served(&[host.to_owned()], &Uri::from_static("/"), &headers)
}

#[test]
fn a_host_is_served_at_each_port_or_at_its_own() {
    for (host, asked) in [
        ("ops.example", "ops.example"),
        ("ops.example", "OPS.example:8080"),
        ("ops.example:8080", "ops.example:8080"),
        ("127.0.0.1", "127.0.0.1:1"),
        ("[::1]", "[::1]:8080"),
        ("[::1]:8080", "[::1]:8080"),
    ] {
        assert!(served(host, asked), "{host} {asked}");
    }
    for (host, asked) in [
        ("ops.example:8080", "ops.example"),
        ("ops.example:8080", "ops.example:80"),
        ("ops.example", "ops.example.evil.example"),
        ("ops.example", "evil.example"),
        ("ops.example", "evil.example:ops.example"),
        ("ops.example", "ops.example@evil.example"),
        ("ops.example", "evil@ops.example"),
        ("127.0.0.1", "[::1]"),
        ("", ""),
        ("", "ops.example"),
        ("http://ops.example", "ops.example"),
    ] {
        assert!(!served(host, asked), "{host} {asked}");
    }
}

#[test]
fn each_host_that_a_request_has_must_be_served() {
    let hosts = ["a".to_owned(), "b".to_owned()];
    let of = |uri: &'static str, asked: &[&'static str]| {
        let mut headers = HeaderMap::new();
        for host in asked {
            headers.append(HOST, host.parse().expect("a header"));
        }
        are_served(&hosts, &Uri::from_static(uri), &headers)
    };
    assert!(of("/", &["a"]) && of("http://a/", &[]) && of("http://a/", &["b"]));
    assert!(!of("/", &[]), "none");
    assert!(!of("/", &["a", "evil"]) && !of("/", &["evil", "a"]));
    assert!(!of("http://a/", &["evil"]) && !of("http://evil/", &["a"]));
}
