//! The Redis adapter: many nodes as one gateway.
//!
//! Deliberately absent for now: everything. The contract it will implement is
//! [`roomcast_core::adapter::Adapter`]; the package exists so that the workspace
//! and its dependency arrows have their final shape.
