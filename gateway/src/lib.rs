//! Roomcast: a realtime gateway.
