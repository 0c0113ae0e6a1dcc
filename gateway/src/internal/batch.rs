//! `POST /v1/publish/batch`: many publications, each answered for itself, order kept.
//!
//! As a JSON array: at most `limits.batch_items_max`, one answer, 207 if any item failed.
//! As JSON lines: without end, each published as its line arrives and answered by a line;
//! whoever sends has to read the answers too, as they hold up the reading of lines. Settings
//! may be reloaded meanwhile: each line goes by those of its time, and a stream whose key is
//! no longer good ends with one answer that says so.

use std::io::BufRead;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Response, StatusCode};
use tokio::sync::mpsc;

use super::answer::{self, Body, Stream};
use super::body::waste;
use super::guard::Holder;
use super::object::elements;
use super::pipeline::{Pipeline, Separation};
use super::problem::{Code, Problem};
use crate::limits::INTERNAL_STREAMS_MAX;
use crate::node::Node;
use crate::settings::Settings;

/// Answers a JSON array.
pub(super) async fn array(node: &Arc<Node>, body: &str) -> Result<Response<Body>, Problem> {
    let most = node.settings().limits.batch_items_max;
    let items = elements(body, most)?;
    if items.len() > most {
        let detail = format!("a batch may have {most} items (limits.batch_items_max); stream more as JSON lines");
        return Err(Problem::new(Code::PayloadTooLarge, detail));
    }
    let mut pipeline = Pipeline::new(Arc::clone(node), Separation::Comma);
    for item in items {
        pipeline.publish(item.get()).await;
    }
    while pipeline.is_waiting() {
        pipeline.settle().await;
    }
    let mut out = Vec::with_capacity(pipeline.out.len() + 12);
    out.extend_from_slice(b"{\"items\":[");
    out.extend_from_slice(&pipeline.out);
    out.extend_from_slice(b"]}");
    let status = if pipeline.failed { StatusCode::MULTI_STATUS } else { StatusCode::OK };
    Ok(answer::json(status, out))
}

/// Answers JSON lines with JSON lines.
pub(super) fn lines(node: &Arc<Node>, holder: Holder, body: Incoming) -> Result<Response<Body>, Problem> {
    let Ok(place) = Arc::clone(&node.streams).try_acquire_owned() else {
        let detail = format!("{INTERNAL_STREAMS_MAX} streams are open, and no more may be");
        return Err(Problem::new(Code::Overloaded, detail));
    };
    let (answers, chunks) = mpsc::channel(1);
    let pipeline = Pipeline::new(Arc::clone(node), Separation::Line);
    let node = Arc::clone(node);
    let lines = Lines { node, holder, line: Vec::new(), skipping: false, ended: false, pipeline };
    Ok(answer::lines(Stream::new(chunks, async move {
        run(lines, body, answers).await;
        drop(place);
    })))
}

async fn run(mut lines: Lines, mut body: Incoming, answers: mpsc::Sender<Bytes>) {
    while !lines.ended || lines.pipeline.is_waiting() {
        if lines.ended || lines.pipeline.is_full() {
            lines.pipeline.settle().await;
        } else {
            tokio::select! {
                biased;
                () = lines.pipeline.settle(), if lines.pipeline.is_waiting() => {}
                frame = body.frame() => match frame {
                    Some(Ok(frame)) => if let Ok(data) = frame.into_data() {
                        lines.take(&data).await;
                    },
                    // Half a line may be missing its other half: it is not published.
                    Some(Err(error)) => {
                        tracing::debug!(%error, "stream of publications broken off");
                        lines.ended = true;
                    }
                    None => {
                        let settings = lines.node.settings();
                        lines.end(&settings).await;
                        lines.ended = true;
                    }
                },
            }
        }
        let out = std::mem::take(&mut lines.pipeline.out);
        if !out.is_empty() && answers.send(out.into()).await.is_err() {
            return;
        }
    }
    // Nothing is left of one that its sender has ended.
    waste(&mut body).await;
}

/// The lines of a body that comes in pieces.
struct Lines {
    node: Arc<Node>,
    holder: Holder,
    line: Vec<u8>,
    /// The line at hand is too long; the rest of it is thrown away.
    skipping: bool,
    /// No more is read.
    ended: bool,
    pipeline: Pipeline,
}

impl Lines {
    async fn take(&mut self, mut data: &[u8]) {
        while !data.is_empty() && !self.ended {
            let settings = self.node.settings();
            // Reading what is in memory cannot fail.
            let _ = data.read_until(b'\n', &mut self.line);
            let complete = self.line.ends_with(b"\n");
            if self.line.len() > settings.limits.publish_body_bytes_max + usize::from(complete) {
                self.skipping = true;
            }
            if self.skipping {
                self.line.clear();
            }
            if complete {
                self.end(&settings).await;
            }
        }
    }

    /// The line at hand is complete.
    async fn end(&mut self, settings: &Arc<Settings>) {
        let skipped = std::mem::take(&mut self.skipping);
        if !skipped && self.line.trim_ascii().is_empty() {
            return self.line.clear();
        }
        if let Err(problem) = self.holder.check(settings) {
            self.ended = true;
            return self.pipeline.refuse(problem);
        }
        if skipped {
            let most = settings.limits.publish_body_bytes_max;
            let detail = format!("a line may have {most} bytes (limits.publish_body_bytes_max)");
            return self.pipeline.refuse(Problem::new(Code::PayloadTooLarge, detail));
        }
        let line = std::mem::take(&mut self.line);
        match std::str::from_utf8(line.trim_ascii()) {
            Ok(text) => self.pipeline.publish(text).await,
            Err(_) => {
                let problem = Problem::new(Code::InvalidRequest, "not JSON: not UTF-8");
                self.pipeline.refuse(problem);
            }
        }
        // The buffer serves the next line too.
        self.line = line;
        self.line.clear();
    }
}
