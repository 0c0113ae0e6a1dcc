//! Roomcast: a realtime gateway.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`settings`] | defaults, file and environment; the only reader of the environment |
//! | [`limits`] | caps that are not settings, and the bounds of those that are |

pub mod limits;
pub mod settings;
