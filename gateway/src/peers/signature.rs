//! How one node proves to another that a request is its own: HMAC-SHA-256 with the cluster's secret
//! over everything that the request means. Pure: no HTTP, and the time is an argument.
//!
//! Every part goes in behind its length, so that no two claims have the same bytes. The node that is
//! meant is a part: what was sent to one node proves nothing to another, which has not seen its nonce.
//!
//! Deliberately absent: secrecy. Whoever can read along on the nodes' network sees session ids; that
//! network is the operator's to keep closed.

use hmac::{Hmac, Mac};
use roomcast_core::id::{NodeTag, Sid};
use roomcast_core::publication::UnixMillis;
use sha2::{Digest as _, Sha256};

/// How far the clocks of two nodes may be apart, either way.
pub(crate) const SKEW_MS_MAX: u64 = 30_000;

/// SHA-256 of a body.
pub(crate) type Digest = [u8; 32];

/// What a request is a claim of.
#[derive(Clone, Copy)]
pub(crate) struct Claim<'a> {
    /// HTTP's method.
    pub(crate) method: &'a str,
    /// HTTP's target: path and query.
    pub(crate) target: &'a str,
    /// The node that is meant.
    pub(crate) to: NodeTag,
    /// The session that it is for, if it is for one.
    pub(crate) sid: Option<Sid>,
    /// The address of the client that asked, as text; empty if none did.
    pub(crate) client: &'a str,
    /// Of the body; of an empty one where a stream follows.
    pub(crate) digest: Digest,
    /// When it was made.
    pub(crate) at: UnixMillis,
    /// Never used before by any node.
    pub(crate) nonce: u64,
    /// How many nodes it has come through: always the first.
    pub(crate) hop: u8,
}

/// What nodes of one cluster have in common.
#[derive(Clone)]
pub(crate) struct Key(Hmac<Sha256>);

impl Key {
    /// `None` without a secret: then nothing proves anything.
    pub(crate) fn new(secret: &str) -> Option<Self> {
        if secret.is_empty() {
            return None;
        }
        // HMAC takes keys of every length.
        Hmac::new_from_slice(secret.as_bytes()).ok().map(Self)
    }

    /// The proof of a claim.
    pub(crate) fn sign(&self, claim: &Claim<'_>) -> [u8; 32] {
        self.mac(claim).finalize().into_bytes().into()
    }

    /// Whether that is the claim's proof. Takes the same time whatever is wrong.
    pub(crate) fn proves(&self, claim: &Claim<'_>, signature: &[u8]) -> bool {
        self.mac(claim).verify_slice(signature).is_ok()
    }

    fn mac(&self, claim: &Claim<'_>) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        let parts: [&[u8]; 10] = [
            b"roomcast node to node 1",
            claim.method.as_bytes(),
            claim.target.as_bytes(),
            claim.to.as_str().as_bytes(),
            claim.sid.as_ref().map_or("", Sid::expose).as_bytes(),
            claim.client.as_bytes(),
            &claim.digest,
            &claim.at.to_be_bytes(),
            &claim.nonce.to_be_bytes(),
            &[claim.hop],
        ];
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac
    }
}

/// The digest of a body.
pub(crate) fn digest(body: &[u8]) -> Digest {
    Sha256::digest(body).into()
}

/// Whether a claim that was made at `at` still counts, or counts already.
pub(crate) fn is_fresh(at: UnixMillis, now: UnixMillis) -> bool {
    at.abs_diff(now) <= SKEW_MS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use roomcast_core::id::ShardIndex;

    fn sid(last: u8) -> Sid {
        Sid::new(NodeTag::from_entropy([1; 3]), ShardIndex::new(0).expect("a shard"), [last; 12])
    }

    fn claim() -> Claim<'static> {
        Claim {
            method: "POST",
            target: "/internal/poll/get",
            to: NodeTag::from_entropy([1; 3]),
            sid: Some(sid(1)),
            client: "10.0.0.1:5",
            digest: digest(b"body"),
            at: 1_000_000,
            nonce: 7,
            hop: 1,
        }
    }

    #[test]
    fn a_proof_is_for_one_claim_and_one_secret() {
        let key = Key::new("one secret of thirty-two characters").expect("a secret");
        let proof = key.sign(&claim());
        assert!(key.proves(&claim(), &proof));
        let others = [
            Claim { method: "GET", ..claim() },
            Claim { target: "/internal/poll/post", ..claim() },
            Claim { to: NodeTag::from_entropy([2; 3]), ..claim() },
            Claim { sid: Some(sid(2)), ..claim() },
            Claim { sid: None, ..claim() },
            Claim { client: "10.0.0.2:5", ..claim() },
            Claim { digest: digest(b"another"), ..claim() },
            Claim { at: 1_000_001, ..claim() },
            Claim { nonce: 8, ..claim() },
            Claim { hop: 2, ..claim() },
        ];
        for (index, other) in others.iter().enumerate() {
            assert!(!key.proves(other, &proof), "claim {index}");
        }
        let another = Key::new("two secrets of thirty-two characters").expect("a secret");
        assert!(!another.proves(&claim(), &proof));
        for wrong in [&proof[..31], &[], &[0; 32]] {
            assert!(!key.proves(&claim(), wrong));
        }
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let key = Key::new("s").expect("a secret");
        let (one, other) = (Claim { method: "PO", target: "ST/x", ..claim() }, Claim { target: "/x", ..claim() });
        assert_ne!(key.sign(&one), key.sign(&other));
    }

    #[test]
    fn no_secret_is_no_key() {
        assert!(Key::new("").is_none());
    }

    #[test]
    fn clocks_may_be_thirty_seconds_apart() {
        for (at, now, fresh) in
            [(50_000, 80_000, true), (50_000, 80_001, false), (80_000, 50_000, true), (80_001, 50_000, false)]
        {
            assert_eq!(is_fresh(at, now), fresh, "{at} {now}");
        }
        assert!(!is_fresh(u64::MAX, 0) && !is_fresh(0, u64::MAX));
    }
}
