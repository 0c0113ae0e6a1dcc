//! Which web pages may use the gateway, and the CORS headers they get.
//!
//! A request without an Origin is no web page's. A page may connect from the gateway's
//! own origin, from a listed one, and in the open mode from loopback origins; any other
//! gets 403, on polling and on WebSocket alike. CORS headers go to allowed origins only.
//!
//! A page whose own name was bound to our address (DNS rebinding) is of our own origin, and
//! sends no Origin along with a GET: in the open mode the Host has to be an expected one.

use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_HEADERS, HOST, HeaderMap, HeaderValue, ORIGIN, VARY,
};
use hyper::{Response, StatusCode};

use super::{Body, answer};
use crate::settings::{Mode, OriginRule, Settings};

/// What the Origin of a request amounts to.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    /// Whether the request may go on.
    pub(super) allowed: bool,
    /// Whether any other origin than our own may ever connect: then CORS is spoken.
    configured: bool,
    any: bool,
    credentials: bool,
    /// The origin to name in the answer.
    echo: Option<HeaderValue>,
}

impl Origin {
    pub(super) fn of(headers: &HeaderMap, settings: &Settings) -> Self {
        let rules = &settings.public.origins;
        let any = rules.contains(&OriginRule::Any);
        let configured = !rules.is_empty();
        let credentials = settings.public.cors_credentials;
        let host = headers.get(HOST).map(|host| host.to_str().unwrap_or_default());
        let here = settings.mode() != Mode::Open || host.is_none_or(|host| is_expected(host, rules));
        let Some(origin) = headers.get(ORIGIN) else {
            return Self { allowed: here, configured, any, credentials, echo: None };
        };
        let text = origin.to_str().unwrap_or_default();
        let own = here && host.is_some_and(|host| is_own(text, host));
        let listed = rules.iter().any(|rule| rule.covers(text));
        let loopback = settings.mode() == Mode::Open && is_loopback(text);
        let allowed = own || listed || loopback;
        // A copy: the request's own value would keep its read buffer alive.
        let echo = (listed || loopback).then(|| HeaderValue::from_bytes(origin.as_bytes()).ok()).flatten();
        Self { allowed, configured: configured || loopback, any, credentials, echo }
    }

    /// Whether a preflight is answered.
    pub(super) fn speaks_cors(&self) -> bool {
        self.configured
    }

    /// Adds the CORS headers, to errors too.
    pub(super) fn dress(&self, response: &mut Response<Body>) {
        let headers = response.headers_mut();
        if self.any {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            return;
        }
        if !self.configured {
            return;
        }
        headers.append(VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = &self.echo {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            if self.credentials {
                headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            }
        }
    }

    /// The answer to a preflight.
    pub(super) fn preflight(&self, request: &HeaderMap) -> Response<Body> {
        let mut response = answer::empty(StatusCode::NO_CONTENT);
        self.dress(&mut response);
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET,POST"));
        headers.append(VARY, HeaderValue::from_static("Access-Control-Request-Headers"));
        if let Some(asked) = request.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
        }
        response
    }
}

/// Whether the open mode answers to this Host: this machine, a name without a dot, which nobody
/// has in the world's DNS, or the host of a listed origin. To any other name a web page could
/// have bound our address, to become our own origin.
fn is_expected(host: &str, rules: &[OriginRule]) -> bool {
    let local = !host.is_empty() && !host.contains(['.', '[']);
    let listed = |scheme: &str| rules.iter().any(|rule| rule.covers(&format!("{scheme}://{host}")));
    local || is_loopback_host(host) || listed("http") || listed("https")
}

/// `http://host` or `https://host` with the very host that the request names.
fn is_own(origin: &str, host: &str) -> bool {
    let bare = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    bare.is_some_and(|bare| bare.eq_ignore_ascii_case(host))
}

fn is_loopback(origin: &str) -> bool {
    let bare = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    bare.is_some_and(is_loopback_host)
}

/// Whether `host` (with or without a port) is this machine and nothing else.
pub(crate) fn is_loopback_host(host: &str) -> bool {
    let bare = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(address, _)| address),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_origin_is_the_requests_host() {
        assert!(is_own("http://127.0.0.1:8080", "127.0.0.1:8080"));
        assert!(is_own("https://Example.com", "example.com"));
        assert!(!is_own("http://example.com.evil.test", "example.com"));
        assert!(!is_own("null", "null"));
    }

    #[test]
    fn loopback_origins_are_judged_by_the_whole_host() {
        for origin in ["http://localhost:3000", "http://127.0.0.1", "http://[::1]:5173", "https://localhost"] {
            assert!(is_loopback(origin), "{origin}");
        }
        for origin in ["http://localhost.evil.test", "http://127.0.0.1.evil.test", "null", "file://"] {
            assert!(!is_loopback(origin), "{origin}");
        }
    }

    #[test]
    fn in_open_mode_a_name_bound_to_our_address_is_not_ours() {
        let allowed = |settings: &Settings, host: &'static str, origin: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static(host));
            if let Some(origin) = origin {
                headers.insert(ORIGIN, HeaderValue::from_static(origin));
            }
            Origin::of(&headers, settings).allowed
        };
        let open = Settings::default();
        assert_eq!(open.mode(), Mode::Open);
        for host in ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "devbox:8080"] {
            assert!(allowed(&open, host, None), "{host}");
        }
        for host in ["evil.test:8080", "localhost.evil.test", "192.168.0.1:8080", ""] {
            assert!(!allowed(&open, host, None), "{host}");
        }
        assert!(!allowed(&open, "evil.test", Some("http://evil.test")));
        assert!(allowed(&open, "dev.test:3000", Some("http://localhost:3000")));
        let mut listed = Settings::default();
        listed.public.origins = vec![OriginRule::parse("http://dev.test:3000").expect("an origin")];
        assert!(allowed(&listed, "dev.test:3000", None));
        assert!(!allowed(&listed, "evil.test", None));
        let mut guarded = Settings::default();
        guarded.auth.anonymous = true;
        guarded.public.address = "0.0.0.0:8080".parse().expect("an address");
        assert!(allowed(&guarded, "app.example.com", None));
        assert!(allowed(&guarded, "app.example.com", Some("https://app.example.com")));
    }
}
