//! The internal listener over real sockets: every route, every error, both guards.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `gateway` | a gateway in this process, and plain HTTP towards it |
//! | `clients` | a plain WebSocket and a Socket.IO client, by hand |
//! | `publish`, `acks`, `batch`, `stream` | publishing |
//! | `orders` | join, leave, disconnect |
//! | `polling` | what clients that poll hold of a node, and for how long |
//! | `scripted` | an adapter that does what a test says |
//! | `gaps`, `degraded`, `nodes` | what is seen of a gateway of many nodes |
//! | `embedded` | a backend in process that fails |
//! | `lists` | rooms and connections, and their filters |
//! | `cursors` | lists page by page, while much changes |
//! | `guard` | who may |
//! | `deadlines` | what clients have to do in time |
//! | `public` | what clients cost the node |
//! | `health` | health, metrics, and what is the same for all requests |

mod acks;
mod batch;
mod clients;
mod cursors;
mod deadlines;
mod degraded;
mod embedded;
mod gaps;
mod gateway;
mod guard;
mod health;
mod lists;
mod nodes;
mod orders;
mod polling;
mod public;
mod publish;
mod scripted;
mod stream;
