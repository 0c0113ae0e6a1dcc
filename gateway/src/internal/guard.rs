//! Who may use the API.
//!
//! Without keys the API is open, and so no web page of the world may use it: loopback Host
//! names only, no Origin. With keys every request needs one: `Authorization: Bearer
//! rk_<id>_<secret>`, with the scope of the route. Health, metrics and the OpenAPI
//! document stay open in both cases, beyond loopback too: balancers and scrapers carry no
//! keys, and the document holds no secret (limits, but neither keys nor namespaces).
//!
//! Bodies are JSON in both cases, said by their type: a form of a web page cannot say so.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, ORIGIN};
use hyper::http::uri::Authority;
use hyper::{Method, Request};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::problem::{Code, Problem};
use crate::node::Node;
use crate::public::is_loopback_host;
use crate::settings::{Key, Scope, Settings};

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One JSON document.
    Json,
    /// JSON documents, one a line.
    Lines,
}

/// Who sent a request, for work that may outlast the settings that it was checked by.
pub(super) struct Holder {
    /// What it was checked by last.
    settings: Arc<Settings>,
    /// `None` while the API is open, which no reload changes.
    key: Option<Key>,
    scope: Scope,
}

impl Holder {
    /// Whether the key is still good under these settings, which may have been reloaded.
    pub(super) fn check(&mut self, settings: &Arc<Settings>) -> Result<(), Problem> {
        let Some(key) = self.key.as_ref().filter(|_| !Arc::ptr_eq(settings, &self.settings)) else {
            return Ok(());
        };
        let same = |other: &&Key| other.id == key.id && other.sha256 == key.sha256;
        let now = settings.internal.keys.iter().find(same).ok_or_else(|| {
            let detail = format!("the key `{}` is no longer one of this node", key.id);
            Problem::new(Code::Unauthorized, detail)
        })?;
        allows(now, self.scope)?;
        self.settings = Arc::clone(settings);
        Ok(())
    }
}

/// Checks a request for a route that needs `scope`; says what its body is, and who sent it.
pub(super) fn check(node: &Node, request: &Request<Incoming>, scope: Scope) -> Result<(Kind, Holder), Problem> {
    let headers = request.headers();
    let settings = node.settings();
    let keys = &settings.internal.keys;
    let mut key = None;
    if keys.is_empty() {
        open(request)?;
    } else {
        let found = bearer(headers).and_then(|token| find(keys, token)).ok_or_else(|| {
            Problem::new(Code::Unauthorized, "send `Authorization: Bearer rk_<id>_<secret>` with a key of this node")
        })?;
        allows(found, scope)?;
        key = Some(found.clone());
    }
    let holder = Holder { settings, key, scope };
    if request.method() != Method::POST {
        return Ok((Kind::Json, holder));
    }
    if headers.contains_key("idempotency-key") {
        return Err(Problem::unsupported("Idempotency-Key"));
    }
    Ok((kind(headers)?, holder))
}

fn allows(key: &Key, scope: Scope) -> Result<(), Problem> {
    if key.scopes.contains(&scope) {
        return Ok(());
    }
    let detail = format!("the key `{}` does not have the scope `{}`", key.id, scope.word());
    Err(Problem::new(Code::ScopeDenied, detail))
}

fn open(request: &Request<Incoming>) -> Result<(), Problem> {
    let headers = request.headers();
    if headers.contains_key(ORIGIN) {
        let detail = "the API has no keys, so that requests of web pages (with an Origin) are refused";
        return Err(Problem::new(Code::OriginDenied, detail));
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| request.uri().authority().map(Authority::as_str));
    if host.is_some_and(is_loopback_host) {
        return Ok(());
    }
    let detail = "the API has no keys, so that it serves Host names of this machine only";
    Err(Problem::new(Code::HostDenied, detail))
}

fn kind(headers: &HeaderMap) -> Result<Kind, Problem> {
    if crate::http::is_encoded(headers) {
        let detail = "compressed bodies are not read";
        return Err(Problem::new(Code::UnsupportedMediaType, detail).at("Content-Encoding"));
    }
    let text = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let text = text.unwrap_or_default().split(';').next().unwrap_or_default();
    if text.trim().eq_ignore_ascii_case("application/json") {
        Ok(Kind::Json)
    } else if text.trim().eq_ignore_ascii_case("application/x-ndjson") {
        Ok(Kind::Lines)
    } else {
        let detail = "the type must be application/json, or application/x-ndjson for a streamed batch";
        Err(Problem::new(Code::UnsupportedMediaType, detail).at("Content-Type"))
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_ascii_start())
}

/// The key that `rk_<id>_<secret>` is. Ids and secrets may have `_` in them, so each key says
/// where its own id ends.
fn find<'k>(keys: &'k [Key], token: &str) -> Option<&'k Key> {
    let token = token.strip_prefix("rk_")?;
    keys.iter().find(|key| {
        let secret = token.strip_prefix(key.id.as_str()).and_then(|rest| rest.strip_prefix('_'));
        // An empty secret is none, whatever its hash is.
        secret.filter(|secret| !secret.is_empty()).is_some_and(|secret| {
            let digest: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
            digest.ct_eq(key.sha256.expose()).into()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Secret;

    fn key(id: &str, secret: &str) -> Key {
        Key {
            id: id.into(),
            sha256: Secret::new(Sha256::digest(secret.as_bytes()).into()),
            scopes: vec![Scope::Publish],
        }
    }

    #[test]
    fn a_key_is_found_by_its_id_and_proven_by_its_secret() {
        let keys = [key("a", "b_c"), key("a_b", "c"), key("ops", "s"), key("none", "")];
        let found = |token| find(&keys, token).map(|key| key.id.as_str());
        assert_eq!(found("rk_a_b_c"), Some("a"));
        assert_eq!(found("rk_a_b_c2"), None);
        assert_eq!(found("rk_ops_s"), Some("ops"));
        for token in ["rk_none_", "rk_none", "rk_ops_", "rk_ops", "ops_s", "rk_OPS_s", "", "rk_", "rk__"] {
            assert_eq!(found(token), None, "{token}");
        }
    }

    #[test]
    fn whoever_was_let_in_is_checked_again_when_settings_change() {
        let settings = |keys: &[Key]| {
            let mut settings = Settings::default();
            settings.internal.keys = keys.to_vec();
            Arc::new(settings)
        };
        let (a, other) = (key("a", "s"), key("b", "t"));
        let first = settings(std::slice::from_ref(&a));
        let mut holder = Holder { settings: Arc::clone(&first), key: Some(a.clone()), scope: Scope::Publish };
        let mut code = |settings: &Arc<Settings>| holder.check(settings).err().map(|problem| problem.code);
        assert_eq!(code(&first), None);
        assert_eq!(code(&settings(&[other.clone(), a.clone()])), None);
        assert_eq!(code(&settings(&[other])), Some(Code::Unauthorized));
        assert_eq!(code(&settings(&[key("a", "another secret")])), Some(Code::Unauthorized));
        assert_eq!(code(&settings(&[Key { scopes: vec![Scope::Read], ..a.clone() }])), Some(Code::ScopeDenied));
        assert_eq!(code(&settings(&[a])), None, "it is good again");
    }
}
