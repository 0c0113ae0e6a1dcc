//! A proof as headers of a request, all of them ours: `roomcast-…`. The session id is marked as
//! sensitive: no log shows it, and HTTP/2 keeps it out of its tables.

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use roomcast_core::id::{NodeTag, Sid};
use roomcast_core::publication::UnixMillis;

use super::signature::{Claim, Digest, Key};

/// What the names of our headers begin with.
const OURS: &str = "roomcast-";

const TO: HeaderName = HeaderName::from_static("roomcast-to");
const SID: HeaderName = HeaderName::from_static("roomcast-sid");
const CLIENT: HeaderName = HeaderName::from_static("roomcast-client");
const DIGEST: HeaderName = HeaderName::from_static("roomcast-digest");
const TIME: HeaderName = HeaderName::from_static("roomcast-time");
const NONCE: HeaderName = HeaderName::from_static("roomcast-nonce");
const HOP: HeaderName = HeaderName::from_static("roomcast-hop");
const SIGNATURE: HeaderName = HeaderName::from_static("roomcast-signature");
/// What the owner of a session answered.
pub(crate) const ANSWER: HeaderName = HeaderName::from_static("roomcast-answer");

/// What a request of another node says of itself.
pub(crate) struct Proof {
    pub(crate) to: NodeTag,
    pub(crate) sid: Option<Sid>,
    pub(crate) client: String,
    pub(crate) digest: Digest,
    pub(crate) at: UnixMillis,
    pub(crate) nonce: u64,
    pub(crate) hop: u8,
    signature: [u8; 32],
}

impl Proof {
    /// Whether it is one, for a request with this method and target.
    pub(crate) fn holds(&self, key: &Key, method: &str, target: &str) -> bool {
        let claim = Claim {
            method,
            target,
            to: self.to,
            sid: self.sid,
            client: &self.client,
            digest: self.digest,
            at: self.at,
            nonce: self.nonce,
            hop: self.hop,
        };
        key.proves(&claim, &self.signature)
    }

    /// Reads it; `None` if anything is missing, there twice, or not what it should be.
    pub(crate) fn read(headers: &HeaderMap) -> Option<Self> {
        let text = |name: &HeaderName| one(headers, name)?.to_str().ok();
        let sid = if headers.contains_key(&SID) { Some(Sid::parse(text(&SID)?)?) } else { None };
        Some(Self {
            to: NodeTag::parse(text(&TO)?)?,
            sid,
            client: text(&CLIENT)?.to_owned(),
            digest: bytes(text(&DIGEST)?)?,
            at: text(&TIME)?.parse().ok()?,
            nonce: u64::from_str_radix(text(&NONCE)?, 16).ok()?,
            hop: text(&HOP)?.parse().ok()?,
            signature: bytes(text(&SIGNATURE)?)?,
        })
    }
}

/// Signs a claim and says all of it but method and target.
pub(crate) fn write(claim: &Claim<'_>, key: &Key, into: &mut HeaderMap) {
    let mut say = |name: HeaderName, value: &str, sensitive: bool| {
        // Ids, addresses and digits are always a header's value.
        if let Ok(mut value) = HeaderValue::from_str(value) {
            value.set_sensitive(sensitive);
            into.insert(name, value);
        }
    };
    say(TO, claim.to.as_str(), false);
    if let Some(sid) = &claim.sid {
        say(SID, sid.expose(), true);
    }
    say(CLIENT, claim.client, true);
    say(DIGEST, &hexadecimal(&claim.digest), true);
    say(TIME, &claim.at.to_string(), true);
    say(NONCE, &format!("{:016x}", claim.nonce), true);
    say(HOP, &claim.hop.to_string(), false);
    say(SIGNATURE, &hexadecimal(&key.sign(claim)), true);
}

/// Takes our headers out of a request that is no node's: they mean nothing there, to nobody.
pub(crate) fn strip(headers: &mut HeaderMap) {
    if !headers.keys().any(|name| name.as_str().starts_with(OURS)) {
        return;
    }
    let ours: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().starts_with(OURS)).cloned().collect();
    for name in ours {
        headers.remove(name);
    }
}

fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    first.filter(|_| values.next().is_none())
}

fn hexadecimal(bytes: &[u8; 32]) -> String {
    let [a, b] = [0, 16].map(|at| {
        let half = bytes.get(at..at + 16).and_then(|half| half.try_into().ok());
        u128::from_be_bytes(half.unwrap_or_default())
    });
    format!("{a:032x}{b:032x}")
}

fn bytes(text: &str) -> Option<[u8; 32]> {
    let digits = text.len() == 64 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let (a, b) = digits.then(|| text.split_at(32))?;
    let mut bytes = [0; 32];
    let (first, second) = bytes.split_at_mut(16);
    first.copy_from_slice(&u128::from_str_radix(a, 16).ok()?.to_be_bytes());
    second.copy_from_slice(&u128::from_str_radix(b, 16).ok()?.to_be_bytes());
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::signature::digest;
    use roomcast_core::id::ShardIndex;

    fn written(key: &Key) -> HeaderMap {
        let to = NodeTag::from_entropy([1; 3]);
        let sid = Some(Sid::new(to, ShardIndex::new(0).expect("a shard"), [9; 12]));
        let (digest, client) = (digest(b"x"), "[::1]:5");
        let claim =
            Claim { method: "POST", target: "/internal/x", to, sid, client, digest, at: 5, nonce: 1 << 63, hop: 1 };
        let mut headers = HeaderMap::new();
        write(&claim, key, &mut headers);
        headers
    }

    #[test]
    fn what_is_written_is_read() {
        let key = Key::new("secret").expect("a secret");
        let headers = written(&key);
        let proof = Proof::read(&headers).expect("a proof");
        assert!(proof.holds(&key, "POST", "/internal/x"));
        assert!(!proof.holds(&key, "POST", "/internal/y"));
        for name in headers.keys() {
            let (mut without, mut twice) = (headers.clone(), headers.clone());
            without.remove(name);
            twice.append(name, headers[name].clone());
            let read = Proof::read(&without);
            assert!(read.is_none_or(|proof| !proof.holds(&key, "POST", "/internal/x")), "without {name}");
            assert!(Proof::read(&twice).is_none(), "{name} twice");
        }
    }

    #[test]
    fn no_log_shows_the_session() {
        let headers = written(&Key::new("secret").expect("a secret"));
        let sid = headers["roomcast-sid"].to_str().expect("text").to_owned();
        assert!(!format!("{headers:?}").contains(&sid));
    }

    #[test]
    fn our_headers_are_taken_out_and_no_others() {
        let mut headers = written(&Key::new("secret").expect("a secret"));
        headers.insert("host", HeaderValue::from_static("a"));
        strip(&mut headers);
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["host"]);
    }
}
