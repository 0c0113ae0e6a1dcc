//! Reaching a server: TCP, TLS, the greeting, and whether it is a master.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, Value};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;

use super::driver::Driver;
use super::{COMMANDS_MAX, ConnectError, Connection, Listener, number, refusal, text};
use crate::options::Tls;

/// A silent peer is asked whether it is still there after so long, and so often.
const KEEPALIVE: Duration = Duration::from_secs(10);
const KEEPALIVE_PROBES: u32 = 3;

/// What is said of a server that does not know the greeting.
const OLD: &str = "the server does not speak RESP3: Redis 6 or newer is needed";

/// Bytes both ways.
pub(super) type Stream = Box<dyn Bytes>;

/// See [`Stream`].
pub(super) trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

/// How to encrypt: made once of the settings.
#[derive(Clone)]
pub(crate) struct Secure(Arc<rustls::ClientConfig>);

impl Secure {
    /// Trusts the authorities of the settings, or the public ones.
    pub(crate) fn new(tls: &Tls) -> Result<Self, ConnectError> {
        let mut roots = rustls::RootCertStore::empty();
        match &tls.authorities {
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Some(pem) => {
                for certificate in CertificateDer::pem_slice_iter(pem) {
                    let unfit = |error: String| ConnectError::Unfit(format!("redis.tls_ca_file: {error}"));
                    let certificate = certificate.map_err(|error| unfit(error.to_string()))?;
                    roots.add(certificate).map_err(|error| unfit(error.to_string()))?;
                }
                if roots.is_empty() {
                    return Err(ConnectError::Unfit("redis.tls_ca_file holds no certificate".to_owned()));
                }
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = versions.map_err(|error| ConnectError::Unfit(error.to_string()))?;
        Ok(Self(Arc::new(builder.with_root_certificates(roots).with_no_client_auth())))
    }
}

impl std::fmt::Debug for Secure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secure")
    }
}

/// A server, and as whom it is greeted.
#[derive(Clone)]
pub(crate) struct Endpoint {
    /// `host:port`.
    pub(crate) address: String,
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) secure: Option<Secure>,
    /// What this connection is called in `CLIENT LIST`.
    pub(crate) name: String,
    pub(crate) timeout: Duration,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Endpoint {
    /// Connects, and greets the server.
    pub(crate) async fn connect(&self, listener: impl Listener) -> Result<Connection, ConnectError> {
        let connecting = async {
            let stream = self.reach().await?;
            let (commands, queue) = mpsc::channel(COMMANDS_MAX);
            let driver = tokio::spawn(Driver::new(listener).run(stream, queue));
            let mut connection = Connection { commands, driver, id: 0, master: false };
            (connection.id, connection.master) = self.greet(&connection).await?;
            Ok(connection)
        };
        let late = || ConnectError::Unreachable(format!("no answer within {} ms", self.timeout.as_millis()));
        tokio::time::timeout(self.timeout, connecting).await.unwrap_or_else(|_| Err(late()))
    }

    async fn reach(&self) -> Result<Stream, ConnectError> {
        let unreachable = |error: io::Error| ConnectError::Unreachable(error.to_string());
        // The name is looked up each time: after a failover it may lead elsewhere.
        let tcp = TcpStream::connect(&self.address).await.map_err(unreachable)?;
        tcp.set_nodelay(true).map_err(unreachable)?;
        let socket = SockRef::from(&tcp);
        let keepalive =
            TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE).with_retries(KEEPALIVE_PROBES);
        socket.set_tcp_keepalive(&keepalive).map_err(unreachable)?;
        socket.set_tcp_user_timeout(Some(KEEPALIVE)).map_err(unreachable)?;
        let Some(secure) = &self.secure else {
            return Ok(Box::new(tcp));
        };
        let host = self.address.rsplit_once(':').map_or(self.address.as_str(), |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|error| ConnectError::Unfit(error.to_string()))?;
        let tls = TlsConnector::from(Arc::clone(&secure.0)).connect(name, tcp).await;
        match tls {
            Ok(tls) => Ok(Box::new(tls)),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(ConnectError::Unfit(format!("TLS: {error}")))
            }
            Err(error) => Err(unreachable(error)),
        }
    }

    /// Says who we are and which protocol we speak; gives the connection's id, and whether the server
    /// is a master.
    async fn greet(&self, connection: &Connection) -> Result<(i64, bool), ConnectError> {
        let mut hello = redis::cmd("HELLO");
        hello.arg(3);
        if !self.password.is_empty() {
            let user = if self.username.is_empty() { "default" } else { &self.username };
            hello.arg("AUTH").arg(user).arg(&self.password);
        }
        hello.arg("SETNAME").arg(&self.name);
        let greeting = match ask(connection, &hello).await {
            // Such a server repeats what it was told, and that is the password.
            Err(ConnectError::Unfit(why) | ConnectError::Denied(why)) if why.contains("unknown command") => {
                return Err(ConnectError::Unfit(OLD.to_owned()));
            }
            greeting => greeting?,
        };
        let said = |name: &str| match &greeting {
            Value::Map(pairs) => pairs.iter().find(|(key, _)| text(key).as_deref() == Some(name)).map(|(_, said)| said),
            _ => None,
        };
        let old = || ConnectError::Unfit(OLD.to_owned());
        let id = said("id").and_then(number).ok_or_else(old)?;
        // Sentinels say neither.
        Ok((id, said("role").and_then(text).as_deref() == Some("master")))
    }
}

/// One command whose refusal means that the connection is of no use.
pub(crate) async fn ask(connection: &Connection, command: &Cmd) -> Result<Value, ConnectError> {
    let gone = |_| ConnectError::Unreachable("the server hung up".to_owned());
    let value = connection.call(command).await.map_err(gone)?;
    match refusal(&value) {
        None => Ok(value),
        Some(why) if ["NOAUTH", "WRONGPASS", "NOPERM"].iter().any(|code| why.starts_with(code)) => {
            Err(ConnectError::Denied(why))
        }
        Some(why) if why.contains("invalid password") || why.contains("AUTH") => Err(ConnectError::Denied(why)),
        Some(why) if why.starts_with("LOADING") || why.starts_with("MASTERDOWN") => Err(ConnectError::Unreachable(why)),
        Some(why) => Err(ConnectError::Unfit(why)),
    }
}
