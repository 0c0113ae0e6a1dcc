//! Roomcast: a realtime gateway.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`settings`] | defaults, file and environment; the only reader of the environment |
//! | [`limits`] | caps that are not settings, and the bounds of those that are |
//! | [`metrics`] | every metric: hot counters of the shards, summed when scraped |
//! | [`telemetry`] | logs |
//! | [`os`] | the limits of the operating system: files and memory |
//! | [`docs`] | the pages of `docs/` that are generated from the code |

pub mod docs;
pub mod limits;
pub mod metrics;
pub mod os;
pub mod settings;
pub mod telemetry;
