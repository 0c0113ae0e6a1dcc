//! The table of routes: which path is what, its methods and the scope it needs.
//!
//! Deliberately absent: who answers, which is `routes`.

use hyper::Method;

use crate::metrics::Route;
use crate::settings::Scope;

/// One route: what it is called in metrics, where it is, and what it takes to use it.
pub(super) struct Row {
    pub(super) route: Route,
    /// Whether it is posted to; else it is read by GET and HEAD.
    pub(super) post: bool,
    /// What a key needs to open it, and `None` if it needs no key.
    pub(super) scope: Option<Scope>,
}

const fn reads(route: Route, scope: Option<Scope>) -> Row {
    Row { route, post: false, scope }
}

const fn posts(route: Route, scope: Scope) -> Row {
    Row { route, post: true, scope: Some(scope) }
}

/// All routes. A path may be that of several: `/v1/rooms/join` is an order to POST and a
/// room's name to GET.
pub(super) const ROUTES: &[Row] = &[
    posts(Route::Publish, Scope::Publish),
    posts(Route::PublishBatch, Scope::Publish),
    posts(Route::RoomsJoin, Scope::Rooms),
    posts(Route::RoomsLeave, Scope::Rooms),
    posts(Route::Disconnect, Scope::Connections),
    reads(Route::Rooms, Some(Scope::Read)),
    reads(Route::Room, Some(Scope::Read)),
    reads(Route::Connections, Some(Scope::Read)),
    reads(Route::Connection, Some(Scope::Read)),
    reads(Route::Nodes, Some(Scope::Read)),
    reads(Route::OpenApi, None),
    reads(Route::Live, None),
    reads(Route::Ready, None),
    reads(Route::Metrics, None),
];

impl Row {
    /// The path, with its variable segment in braces.
    pub(super) fn path(&self) -> &'static str {
        self.route.label()
    }

    /// The methods that it has.
    pub(super) fn methods(&self) -> &'static str {
        if self.post { "POST" } else { "GET, HEAD" }
    }

    /// Whether it has this method.
    pub(super) fn takes(&self, method: &Method) -> bool {
        if self.post { method == Method::POST } else { matches!(*method, Method::GET | Method::HEAD) }
    }

    /// Whether it is at this path.
    pub(super) fn is_at(&self, path: &str) -> bool {
        match self.path().split_once('{') {
            Some((beginning, _)) => segment(path, beginning).is_some(),
            None => path == self.path(),
        }
    }
}

/// What follows `beginning`, if that is one segment.
fn segment<'a>(path: &'a str, beginning: &str) -> Option<&'a str> {
    path.strip_prefix(beginning).filter(|rest| !rest.is_empty() && !rest.contains('/'))
}
