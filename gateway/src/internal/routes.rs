//! Which path is what: its methods, the scope it needs, and who answers.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderValue};
use hyper::{Method, Request, Response};

use super::answer::{self, Body};
use super::guard::{self, Kind};
use super::problem::{Code, Problem};
use super::{batch, body, connections, health, orders, publish, rooms};
use crate::metrics::Route;
use crate::node::Node;
use crate::public::decode;
use crate::settings::Scope;

type Answer = Result<Response<Body>, Problem>;

/// Answers a request, and says what it was for.
pub(super) async fn answer(node: &Arc<Node>, request: Request<Incoming>) -> (Route, Answer) {
    let post = request.method() == Method::POST;
    let Some(route) = find(request.uri().path(), post) else {
        let problem = Problem::new(Code::NotFound, "the API is at /v1/, health at /livez and /readyz");
        return (Route::Other, Err(problem));
    };
    let (reads, scope) = needs(route);
    let get = matches!(*request.method(), Method::GET | Method::HEAD);
    if if reads { !get } else { !post } {
        return (route, Ok(not_allowed(request.uri().path())));
    }
    (route, dispatch(node, route, scope, request).await)
}

async fn dispatch(node: &Arc<Node>, route: Route, scope: Option<Scope>, request: Request<Incoming>) -> Answer {
    let kind = match scope {
        Some(scope) => guard::check(node, &request, scope)?,
        None => Kind::Json,
    };
    if kind == Kind::Lines {
        return if route == Route::PublishBatch {
            batch::lines(node, request.into_body())
        } else {
            let detail = "application/x-ndjson is for /v1/publish/batch";
            Err(Problem::new(Code::UnsupportedMediaType, detail).at("Content-Type"))
        };
    }
    let (parts, body) = request.into_parts();
    let (path, query) = (parts.uri.path(), parts.uri.query());
    match route {
        Route::Live => health::live(node),
        Route::Ready => Ok(health::ready(node)),
        Route::Metrics => Ok(health::metrics(node)),
        Route::Rooms => rooms::list(node, query).await,
        Route::Room => rooms::show(node, &name(path), query).await,
        Route::Connections => connections::list(node, query).await,
        Route::Connection => connections::show(node, &name(path), query).await,
        _ => post(node, route, body).await,
    }
}

async fn post(node: &Arc<Node>, route: Route, body: Incoming) -> Answer {
    let bytes = body::read(body, &node.settings().limits).await?;
    let text = body::text(&bytes)?;
    match route {
        Route::Publish => publish::serve(node, text).await,
        Route::PublishBatch => batch::array(node, text).await,
        Route::RoomsJoin => orders::join(node, text).await,
        Route::RoomsLeave => orders::leave(node, text).await,
        Route::Disconnect => orders::disconnect(node, text).await,
        _ => Err(Problem::new(Code::NotFound, "nothing is posted here")),
    }
}

/// The last segment of a path, decoded. Only in queries a plus is a space.
fn name(path: &str) -> String {
    let segment = path.rsplit('/').next().unwrap_or_default();
    decode(&segment.replace('+', "%2B")).into_owned()
}

/// The route of a path. `/v1/rooms/join` is an order to POST and a room's name to GET.
fn find(path: &str, post: bool) -> Option<Route> {
    Some(match path {
        "/livez" => Route::Live,
        "/readyz" => Route::Ready,
        "/metrics" => Route::Metrics,
        "/v1/publish" => Route::Publish,
        "/v1/publish/batch" => Route::PublishBatch,
        "/v1/rooms/join" if post => Route::RoomsJoin,
        "/v1/rooms/leave" if post => Route::RoomsLeave,
        "/v1/disconnect" => Route::Disconnect,
        "/v1/rooms" => Route::Rooms,
        "/v1/connections" => Route::Connections,
        _ if segment(path, "/v1/rooms/").is_some() => Route::Room,
        _ if segment(path, "/v1/connections/").is_some() => Route::Connection,
        _ => return None,
    })
}

/// What follows `beginning`, if that is one segment.
fn segment<'a>(path: &'a str, beginning: &str) -> Option<&'a str> {
    path.strip_prefix(beginning).filter(|rest| !rest.is_empty() && !rest.contains('/'))
}

/// Whether a route is read by GET (else it is posted to), and the scope it needs.
fn needs(route: Route) -> (bool, Option<Scope>) {
    match route {
        Route::Publish | Route::PublishBatch => (false, Some(Scope::Publish)),
        Route::RoomsJoin | Route::RoomsLeave => (false, Some(Scope::Rooms)),
        Route::Disconnect => (false, Some(Scope::Connections)),
        Route::Rooms | Route::Room | Route::Connections | Route::Connection => (true, Some(Scope::Read)),
        Route::Metrics | Route::Live | Route::Ready | Route::Other => (true, None),
    }
}

fn not_allowed(path: &str) -> Response<Body> {
    let gets = find(path, false).is_some_and(|route| needs(route).0);
    let posts = find(path, true).is_some_and(|route| !needs(route).0);
    let allow = match (gets, posts) {
        (true, true) => "GET, HEAD, POST",
        (true, false) => "GET, HEAD",
        (false, _) => "POST",
    };
    let problem = Problem::new(Code::MethodNotAllowed, format!("this path has {allow}"));
    let mut response = answer::problem(&problem);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}
