//! Long polling on one connection: a GET is pending, unless there is something to POST.
//!
//! A browser posts on a second connection beside the pending GET. This client has nothing to
//! say of its own accord once it is ready, so one connection does: it posts what the answer
//! of a GET made it say, then polls again.

use super::{ClientError, Event, Session};
use crate::http::Answer;
use crate::protocol::{poll, post, sid_of};

/// Between two packets of one payload.
const SEPARATOR: char = '\u{1e}';

/// Bytes of one answer at most: as many as a WebSocket message may have.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// What carries messages by GET and POST.
#[derive(Debug)]
pub(super) struct Polling {
    host: String,
    /// Empty until the open packet is here.
    sid: String,
    /// An incomplete answer.
    partial: Vec<u8>,
}

/// Appends a packet to a payload.
pub(super) fn append(packet: &str, payload: &mut Vec<u8>) {
    if !payload.is_empty() {
        payload.push(SEPARATOR as u8);
    }
    payload.extend_from_slice(packet.as_bytes());
}

impl Polling {
    pub(super) fn new(host: &str) -> Self {
        Self { host: host.to_owned(), sid: String::new(), partial: Vec::new() }
    }

    /// Takes what was read; each whole answer has one request follow it.
    pub(super) fn receive(
        &mut self,
        session: &mut Session,
        input: &[u8],
        out: &mut Vec<u8>,
        on: &mut impl FnMut(Event<'_>),
    ) -> Result<(), ClientError> {
        self.partial.extend_from_slice(input);
        while let Some(answer) = Answer::first(&self.partial) {
            let rest = self.partial.split_off(answer.end);
            let whole = std::mem::replace(&mut self.partial, rest);
            let told = || String::from_utf8_lossy(&whole).into_owned();
            let body = std::str::from_utf8(&whole[answer.body..]).map_err(|_| ClientError::Handshake(told()))?;
            if answer.status != 200 {
                return Err(ClientError::Handshake(told()));
            }
            let mut said = Vec::new();
            // The answer to a POST has no packets.
            if body != "ok" {
                self.packets(session, body, &mut said, on)?;
            }
            let request = match String::from_utf8(said) {
                Ok(said) if !said.is_empty() => post(&self.host, &self.sid, &said),
                _ => poll(&self.host, Some(&self.sid)),
            };
            out.extend_from_slice(request.as_bytes());
        }
        if self.partial.len() > ANSWER_BYTES_MAX {
            return Err(ClientError::Handshake("an endless answer".to_owned()));
        }
        Ok(())
    }

    fn packets(
        &mut self,
        session: &mut Session,
        body: &str,
        said: &mut Vec<u8>,
        on: &mut impl FnMut(Event<'_>),
    ) -> Result<(), ClientError> {
        for packet in body.split(SEPARATOR) {
            if packet == "1" {
                return Err(ClientError::Closed("a close packet".to_owned()));
            }
            if let Some(sid) = sid_of(packet) {
                sid.clone_into(&mut self.sid);
            }
            session.text(packet, said, on)?;
        }
        Ok(())
    }
}
