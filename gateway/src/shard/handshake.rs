//! What other servers may know of a client's handshake: the path always, and what the settings list of
//! its headers, its query and its auth object. Kept only where there are other servers.
//!
//! An idle connection of which nothing is listed costs one pointer. What is listed is bounded: beyond
//! [`HANDSHAKE_BYTES_MAX`] of a connection no more is taken.

use std::collections::BTreeMap;
use std::sync::Arc;

use roomcast_core::cluster::Handshake;
use serde_json::value::RawValue;

use crate::limits::HANDSHAKE_BYTES_MAX;
use crate::settings::Settings;

/// What may be known, for all connections of a shard.
#[derive(Debug)]
pub(crate) struct Handshakes {
    headers: Vec<String>,
    query: Vec<String>,
    auth: Vec<String>,
    /// Of connections of which no more than the path is known.
    socket_io: Arc<Handshake>,
    plain: Arc<Handshake>,
}

/// What is known of one connection besides its path.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    headers: Vec<(String, String)>,
    query: Vec<(String, String)>,
    /// By socket.
    auth: Vec<(u32, Vec<(String, String)>)>,
    bytes: usize,
}

impl Kept {
    /// Whether so much more may be kept; then it is counted.
    fn has_room(&mut self, bytes: usize) -> bool {
        let fits = self.bytes + bytes <= HANDSHAKE_BYTES_MAX;
        self.bytes += if fits { bytes } else { 0 };
        fits
    }

    /// A socket is gone.
    pub(crate) fn forget(&mut self, socket: u32) {
        let all = |values: &[(String, String)]| values.iter().map(|(name, value)| name.len() + value.len()).sum();
        let gone = self.auth.iter().filter(|(of, _)| *of == socket);
        let bytes: usize = gone.map(|(_, values)| -> usize { all(values) }).sum();
        self.bytes -= bytes;
        self.auth.retain(|(of, _)| *of != socket);
    }
}

impl Handshakes {
    /// `None`: there are no other servers, and nothing is kept.
    pub(crate) fn new(settings: &Settings, has_servers: bool) -> Option<Self> {
        let cluster = &settings.cluster;
        let at = |path: &str| Arc::new(Handshake { path: path.to_owned(), ..Handshake::default() });
        has_servers.then(|| Self {
            headers: cluster.handshake_headers.iter().map(|name| name.to_ascii_lowercase()).collect(),
            query: cluster.handshake_query.clone(),
            auth: cluster.handshake_auth.clone(),
            socket_io: at(&settings.socket_io.path),
            plain: at(&settings.websocket.path),
        })
    }

    /// What is kept of a request. `header` and `parameter` look one up by its name.
    pub(crate) fn keep(
        &self,
        header: impl Fn(&str) -> Option<String>,
        parameter: impl Fn(&str) -> Option<String>,
    ) -> Option<Box<Kept>> {
        if self.headers.is_empty() && self.query.is_empty() {
            return None;
        }
        let mut kept = Kept::default();
        for name in &self.headers {
            if let Some(value) = header(name).filter(|value| kept.has_room(name.len() + value.len())) {
                kept.headers.push((name.clone(), value));
            }
        }
        for name in &self.query {
            if let Some(value) = parameter(name).filter(|value| kept.has_room(name.len() + value.len())) {
                kept.query.push((name.clone(), value));
            }
        }
        (kept.bytes > 0).then(|| Box::new(kept))
    }

    /// Adds what may be known of the auth object with which a socket joined.
    pub(crate) fn keep_auth(&self, kept: &mut Option<Box<Kept>>, socket: u32, auth: &str) {
        if self.auth.is_empty() || auth.is_empty() {
            return;
        }
        let Ok(members) = serde_json::from_str::<BTreeMap<String, &RawValue>>(auth) else {
            return;
        };
        let listed = self.auth.iter().filter_map(|name| Some((name, members.get(name)?.get())));
        let mut values = Vec::new();
        for (name, value) in listed {
            if kept.get_or_insert_default().has_room(name.len() + value.len()) {
                values.push((name.clone(), value.to_owned()));
            }
        }
        if let Some(kept) = kept.as_mut().filter(|_| !values.is_empty()) {
            kept.auth.push((socket, values));
        }
    }

    /// What other servers are told of a socket.
    pub(crate) fn of(&self, kept: Option<&Kept>, socket: u32, plain: bool) -> Arc<Handshake> {
        let base = if plain { &self.plain } else { &self.socket_io };
        let Some(kept) = kept else { return Arc::clone(base) };
        let auth = kept.auth.iter().find(|(of, _)| *of == socket).map(|(_, values)| values.clone());
        let (headers, query) = (kept.headers.clone(), kept.query.clone());
        Arc::new(Handshake { path: base.path.clone(), headers, query, auth: auth.unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed() -> Handshakes {
        let mut settings = Settings::default();
        let cluster = &mut settings.cluster;
        cluster.handshake_headers = vec!["X-Room".into(), "x-none".into()];
        cluster.handshake_query = vec!["room".into()];
        cluster.handshake_auth = vec!["user".into(), "none".into()];
        assert!(Handshakes::new(&settings, false).is_none());
        Handshakes::new(&settings, true).expect("there are servers")
    }

    #[test]
    fn what_is_listed_is_known_and_nothing_else() {
        let handshakes = listed();
        let header = |name: &str| (name == "x-room").then(|| "attic".to_owned());
        let parameter = |name: &str| (name == "room").then(|| "1 2".to_owned());
        let mut kept = handshakes.keep(header, parameter);
        handshakes.keep_auth(&mut kept, 7, r#"{"user":{"id":1.0},"token":"secret"}"#);
        handshakes.keep_auth(&mut kept, 8, "[]");
        let pair = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        let expected = |auth| Handshake {
            path: "/socket.io/".into(),
            headers: pair("x-room", "attic"),
            query: pair("room", "1 2"),
            auth,
        };
        assert_eq!(*handshakes.of(kept.as_deref(), 7, false), expected(pair("user", r#"{"id":1.0}"#)));
        assert_eq!(*handshakes.of(kept.as_deref(), 8, false), expected(Vec::new()));
        if let Some(kept) = &mut kept {
            kept.forget(7);
            assert_eq!((kept.bytes, kept.auth.len()), (18, 0));
        }
        let bare = handshakes.keep(|_| None, |_| None);
        assert!(bare.is_none(), "nothing is kept of nothing");
        assert_eq!(*handshakes.of(None, 1, true), Handshake { path: "/ws".into(), ..Handshake::default() });
    }

    #[test]
    fn no_more_is_kept_than_may_be() {
        let handshakes = listed();
        let large = "x".repeat(HANDSHAKE_BYTES_MAX);
        assert!(handshakes.keep(|_| Some(large.clone()), |_| None).is_none());
        let mut kept = None;
        handshakes.keep_auth(&mut kept, 1, &format!("{{\"user\":\"{large}\",\"none\":1}}"));
        let auth = handshakes.of(kept.as_deref(), 1, false).auth.clone();
        assert_eq!(auth, [("none".to_owned(), "1".to_owned())]);
    }
}
