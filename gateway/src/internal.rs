//! stub
use crate::node::Node;
use std::sync::Arc;
pub(crate) async fn serve(_node: Arc<Node>, _listener: std::net::TcpListener) {}
