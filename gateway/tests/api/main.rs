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
//! | `gaps`, `degraded`, `operators` | what is seen of a gateway of many nodes |
//! | `embedded` | a backend in process that fails |
//! | `lists` | rooms and connections, and their filters |
//! | `cursors` | lists page by page, while much changes |
//! | `across` | lists of several nodes |
//! | `guard` | who may |
//! | `deadlines` | what clients have to do in time |
//! | `public` | what clients cost the node |
//! | `health` | health, metrics, and what is the same for all requests |
//! | `nodes` | several gateways in this process that know each other |
//! | `foreign` | polls that land on another node than their session's |
//! | `roads` | the same, when the way to the owner is not what it should be |
//! | `tunnels` | WebSockets that land on another node than their session's |
//! | `redis` | several gateways in this process, joined over a Redis server of their own |
//! | `outage` | what is answered while Redis is away, and that all is well after it |
//! | `places` | requests to all nodes whose clients hang up |
//! | `full` | broadcasts with acknowledgements that find a node full |
//! | `proofs` | requests between nodes, by hand: which are served |

mod acks;
mod across;
mod batch;
mod clients;
mod cursors;
mod deadlines;
mod degraded;
mod embedded;
mod foreign;
mod full;
mod gaps;
mod gateway;
mod guard;
mod health;
mod lists;
mod nodes;
mod operators;
mod orders;
mod outage;
mod places;
mod polling;
mod proofs;
mod public;
mod publish;
mod redis;
mod roads;
mod scripted;
mod stream;
mod tunnels;
