//! Waiting for what is to happen, with a deadline.

use std::fmt::Debug;
use std::thread;
use std::time::{Duration, Instant};

/// Far more than anything here takes, on a loaded machine too.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What `look` gives once it gives anything; its last complaint is shown when the deadline has passed.
pub(crate) fn until<T, E: Debug>(what: &str, mut look: impl FnMut() -> Result<T, E>) -> T {
    let begin = Instant::now();
    loop {
        match look() {
            Ok(found) => return found,
            Err(why) => assert!(begin.elapsed() < DEADLINE, "{what}: not within {DEADLINE:?}: {why:?}"),
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// The same for tasks, with a deadline of its own.
pub(crate) async fn until_async<T, E: Debug>(
    what: &str,
    deadline: Duration,
    mut look: impl FnMut() -> Result<T, E>,
) -> T {
    let begin = Instant::now();
    loop {
        match look() {
            Ok(found) => return found,
            Err(why) => assert!(begin.elapsed() < deadline, "{what}: not within {deadline:?}: {why:?}"),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
