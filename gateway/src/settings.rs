//! Settings: defaults, then a TOML or YAML file, then the environment.
//!
//! This is the only module that reads the environment. A key that nobody knows, a
//! value of the wrong type and a missing safeguard are errors that name the key, the
//! place and the remedy; all of one kind are reported at once.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `sections` | every setting: type, default, allowed range, meaning: the one source of the documentation |
//! | `section` | the macro that turns such a table into a struct, a reader and documentation |
//! | `value` | the types of single values: how each is read, shown and checked |
//! | `kinds` | the closed sets of words a value can be |
//! | `origin` | patterns of web origins |
//! | `network` | networks, as bits of addresses |
//! | `load` | the order of the sources |
//! | `aliases` | what YAML can say that is not read |
//! | `variables` | the environment, and what is wrong with a variable's name |
//! | `lines` | on which line of the file a key stands |
//! | `reader` | walking the merged sources, collecting every fault |
//! | `change` | where two sets of settings differ, and what a reload can make of it |
//! | `check` | rules between settings, and which safeguards a listener needs |
//! | `suggest` | the nearest valid keys |
//! | `secret` | values that never reach a log |
//! | `error` | what is wrong, in stable words |
//! | `print` | the settings in force as TOML |
//! | `reference` | the generated pages |
//!
//! Deliberately absent: settings of features that this version does not have (an
//! accepted setting is a carried-out setting), carrying out a reload ([`crate::reload`]),
//! and serde's derived readers: they stop at the first fault and cannot say where it stands.

mod aliases;
mod change;
mod check;
mod error;
mod kinds;
mod lines;
mod load;
mod network;
mod origin;
mod print;
mod reader;
pub mod reference;
mod secret;
mod section;
mod sections;
mod suggest;
mod value;
mod variables;

use std::path::Path;

pub use change::{Change, Effect};
pub use check::Mode;
pub use error::{Place, Problem, SettingsError};
pub use kinds::{AdapterKind, LogFormat, OnGap, Readiness, RedisFormat, RedisTopology, Scope, SubscriptionMode};
pub use load::Loaded;
pub use network::Network;
pub use origin::{OriginError, OriginRule};
pub use secret::Secret;
pub use sections::{
    Adapter, Auth, Cluster, Drain, Internal, Key, KeyDigest, Limits, Log, Namespace, Node, Public, Redis, Settings,
    SocketIo, WebSocket,
};
pub use variables::{ENV_CONFIG, ENV_PREFIX};

impl Settings {
    /// Loads the settings: defaults, then the file, then variables `ROOMCAST__SECTION__KEY`.
    ///
    /// `config` is the path of the command line; without it the variable
    /// `ROOMCAST_CONFIG` names the file, and without that there is none. `env` is the
    /// environment; names that do not begin with `ROOMCAST__` are ignored,
    /// unless one that begins with `ROOMCAST_` looks like a setting misspelt: then it is an error.
    pub fn load(
        config: Option<&Path>,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Loaded, SettingsError> {
        load::load(config, env)
    }

    /// [`Settings::load`] with the environment of this process.
    pub fn from_process(config: Option<&Path>) -> Result<Loaded, SettingsError> {
        load::load(config, variables::process_environment()?)
    }

    /// [`Settings::load`] with the text of a file instead of the file: its name says what it is.
    #[doc(hidden)]
    pub fn from_text(
        file: Option<(&Path, &str)>,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Loaded, SettingsError> {
        let source = file.and_then(|(path, text)| Some((path.to_owned(), (text.to_owned(), load::format_of(path)?))));
        load::merge(source, env.into_iter().collect())
    }

    /// Whether this node is open to whoever reaches it, or guarded.
    pub fn mode(&self) -> Mode {
        check::mode(self)
    }
}
