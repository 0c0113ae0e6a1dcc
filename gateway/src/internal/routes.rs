//! From a request to whoever answers it, by the table of routes.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderValue};
use hyper::{Request, Response};

use super::answer::{self, Body};
use super::guard::{self, Kind};
use super::problem::{Code, Problem};
use super::query::parameters;
use super::rows::{ROUTES, Row};
use super::{batch, body, connections, health, nodes, openapi, orders, publish, rooms};
use crate::metrics::Route;
use crate::node::Node;
use crate::public::decode_segment;

type Answer = Result<Response<Body>, Problem>;

/// Answers a request, and says what it was for.
pub(super) async fn answer(node: &Arc<Node>, request: Request<Incoming>) -> (Route, Answer) {
    let path = request.uri().path();
    let rows: Vec<&Row> = ROUTES.iter().filter(|row| row.is_at(path)).collect();
    let Some(first) = rows.first() else {
        let problem = Problem::new(Code::NotFound, "the API is at /v1/, health at /livez and /readyz");
        return (Route::Other, Err(problem));
    };
    match rows.iter().find(|row| row.takes(request.method())) {
        Some(row) => (row.route, dispatch(node, row, request).await),
        None => (first.route, Ok(not_allowed(&rows))),
    }
}

async fn dispatch(node: &Arc<Node>, row: &Row, request: Request<Incoming>) -> Answer {
    let route = row.route;
    let checked = row.scope.map(|scope| guard::check(node, &request, scope)).transpose()?;
    if let Some((Kind::Lines, holder)) = checked {
        return if route == Route::PublishBatch {
            batch::lines(node, holder, request.into_body())
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
        Route::OpenApi => Ok(openapi::serve(node)),
        Route::Nodes => nodes::list(node, query),
        Route::Rooms => rooms::list(node, query).await,
        Route::Room => rooms::show(node, &name(row, path)?, query).await,
        Route::Connections => connections::list(node, query).await,
        Route::Connection => connections::show(node, &name(row, path)?, query).await,
        _ => post(node, route, query, body).await,
    }
}

async fn post(node: &Arc<Node>, route: Route, query: Option<&str>, body: Incoming) -> Answer {
    let [] = parameters(query, [])?;
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

/// The variable segment of a path, decoded.
fn name(row: &Row, path: &str) -> Result<String, Problem> {
    let last = |path: &'static str| path.rsplit('/').next().unwrap_or_default().trim_matches(['{', '}']);
    let segment = path.rsplit('/').next().unwrap_or_default();
    let wrong = || Problem::invalid(last(row.path()), "the path is not percent-encoded UTF-8");
    decode_segment(segment).ok_or_else(wrong)
}

/// The methods that the path has: those of reading before those of posting.
fn not_allowed(rows: &[&Row]) -> Response<Body> {
    let mut methods: Vec<&str> = rows.iter().map(|row| row.methods()).collect();
    methods.sort_unstable();
    let allow = methods.join(", ");
    let problem = Problem::new(Code::MethodNotAllowed, format!("this path has {allow}"));
    let mut response = answer::problem(&problem);
    // Names of methods are always a header's value.
    let allow = HeaderValue::try_from(allow).unwrap_or_else(|_| HeaderValue::from_static(""));
    response.headers_mut().insert(ALLOW, allow);
    response
}
