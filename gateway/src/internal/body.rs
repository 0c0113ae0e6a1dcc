//! Reading the body of a request, within its limit and in time.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};

use super::problem::{Code, Problem};
use crate::limits::BODY_WASTE_BYTES_MAX;
use crate::settings::Limits;

/// How long a body that is not wanted is read on, so that its sender comes to read the answer.
const WASTE_TIME: Duration = Duration::from_millis(500);

/// The whole body.
pub(super) async fn read(mut body: Incoming, limits: &Limits) -> Result<Bytes, Problem> {
    let (bytes_max, timeout_ms) = (limits.publish_body_bytes_max, limits.body_timeout_ms);
    let too_large = || {
        let detail = format!("the body may have {bytes_max} bytes (limits.publish_body_bytes_max)");
        Problem::new(Code::PayloadTooLarge, detail)
    };
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(too_large());
    }
    let whole = Limited::new(&mut body, bytes_max).collect();
    match tokio::time::timeout(Duration::from_millis(timeout_ms), whole).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            waste(&mut body).await;
            Err(too_large())
        }
        Ok(Err(error)) => Err(Problem::new(Code::InvalidRequest, format!("the body cannot be read: {error}"))),
        Err(_) => {
            let detail = format!("the body took over {timeout_ms} ms (limits.body_timeout_ms)");
            Err(Problem::new(Code::RequestTimeout, detail))
        }
    }
}

/// Reads on a body that is not wanted, for a while: whoever still sends would be cut off, perhaps
/// before it has read the answer.
pub(super) async fn waste(body: &mut Incoming) {
    let _ = tokio::time::timeout(WASTE_TIME, throw_away(body)).await;
}

async fn throw_away(body: &mut Incoming) {
    let mut left = BODY_WASTE_BYTES_MAX;
    while let Some(Ok(frame)) = body.frame().await {
        left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
        if left == 0 {
            return;
        }
    }
}

/// A body as text.
pub(super) fn text(body: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(body).map_err(|_| Problem::new(Code::InvalidRequest, "not JSON: not UTF-8"))
}
