//! What there is to show of trusted certificates.
//!
//! - a key is described as the newest word of its primary has it: its own end, and whether it is revoked;
//! - only keys that may sign archives at some time are shown, by the rules of `keyring.rs`;
//! - no clock is read here: whoever asks whether keys end soon says what time it is.

use std::time::SystemTime;

use sequoia_openpgp as openpgp;

use jiff::{SignedDuration, Timestamp};
use openpgp::Cert;
use openpgp::cert::amalgamation::key::PrimaryKey;
use openpgp::cert::amalgamation::{ValidAmalgamation, ValidateAmalgamation};
use openpgp::packet::Signature;
use openpgp::types::{RevocationStatus, RevocationType};

use super::keyring::KeyPolicy;

/// How long before the last known signing key ends it is time to look for another: Google makes them a year and more
/// before, so this is late, and still soon enough.
pub const NOTICE: SignedDuration = SignedDuration::from_hours(90 * 24);

/// A trusted certificate, for display.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateSummary {
    /// Fingerprint of the primary key.
    pub fingerprint: String,
    /// The user IDs.
    pub user_ids: Vec<String>,
    /// The keys that may sign at some time, oldest first.
    pub signing_keys: Vec<SigningKeySummary>,
    /// Whether its owner has withdrawn all of it.
    pub revoked: Option<Revocation>,
    /// Whether it is the one built into this program.
    pub embedded: bool,
}

/// A key that may sign, for display.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKeySummary {
    /// Its fingerprint.
    pub fingerprint: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it stops being able to sign, if ever.
    pub expires: Option<Timestamp>,
    /// Whether its owner has withdrawn it.
    pub revoked: Option<Revocation>,
    /// Whether it counts only by the exception for SHA-1 back-signatures.
    pub sha1_back_signature: bool,
    /// How it came to be known.
    pub origin: KeyOrigin,
}

/// How a key came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOrigin {
    /// It is built into this program.
    Embedded,
    /// A newer copy of the built-in certificate has brought it.
    Update,
    /// It is in a file that was given in place of the built-in certificate.
    Given,
}

impl KeyOrigin {
    /// The word in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Update => "update",
            Self::Given => "--keyring",
        }
    }
}

/// A key's withdrawal by its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// When it was declared.
    pub since: Timestamp,
    /// Whether older signatures do not count any more, either: the key was stolen, or nothing says that it was not.
    pub hard: bool,
}

impl CertificateSummary {
    /// When the last of its signing keys ends, if that is less than [`NOTICE`] after `now`, or has been before it. A
    /// certificate without such keys says nothing, and neither does one with a key that does not end.
    #[must_use]
    pub fn ends_soon(&self, now: Timestamp) -> Option<Timestamp> {
        let counts = |key: &&SigningKeySummary| key.revoked.is_none();
        let last = self.signing_keys.iter().filter(counts).map(|key| key.expires.unwrap_or(Timestamp::MAX)).max()?;
        (last.duration_since(now) < NOTICE).then_some(last)
    }

    /// What there is to show of `certificate`, whose primary signs archives or not. `built_in` is the certificate that
    /// this program has, if that is the one, from before anything was added to it.
    pub(super) fn of(certificate: &Cert, built_in: Option<&Cert>, primary_may_sign: bool) -> Self {
        let origin = |fingerprint: &str| match built_in {
            None => KeyOrigin::Given,
            Some(cert) if cert.keys().any(|key| key.key().fingerprint().to_hex() == fingerprint) => KeyOrigin::Embedded,
            Some(_) => KeyOrigin::Update,
        };
        let signing_keys = certificate.keys().filter_map(|key| {
            let fingerprint = key.key().fingerprint().to_hex();
            let created = key.key().creation_time();
            let policy = KeyPolicy::of(&fingerprint);
            let bundle = key.bundle();
            let latest = newest(bundle.self_signatures().chain(bundle.self_revocations()), created);
            // What its newest binding does not let it do any more, an older one may have.
            let valid = [latest, created].into_iter().find_map(|time| {
                let valid = key.clone().with_policy(policy, time).ok()?;
                (valid.for_signing() && (primary_may_sign || !valid.primary())).then_some(valid)
            })?;
            Some(SigningKeySummary {
                created: timestamp(created),
                expires: valid.key_expiration_time().map(timestamp),
                revoked: revocation(&valid.revocation_status()),
                sha1_back_signature: policy.sha1_back_signature,
                origin: origin(&fingerprint),
                fingerprint,
            })
        });
        let mut signing_keys: Vec<_> = signing_keys.collect();
        signing_keys.sort_by_key(|key| key.created);
        let primary = certificate.primary_key();
        let latest = newest(primary.bundle().self_revocations(), primary.key().creation_time());
        Self {
            fingerprint: certificate.fingerprint().to_hex(),
            user_ids: certificate
                .userids()
                .map(|id| String::from_utf8_lossy(id.userid().value()).into_owned())
                .collect(),
            signing_keys,
            revoked: revocation(&certificate.revocation_status(KeyPolicy::for_data(), latest)),
            embedded: built_in.is_some(),
        }
    }
}

fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>, created: SystemTime) -> SystemTime {
    signatures.filter_map(|signature| signature.signature_creation_time()).fold(created, SystemTime::max)
}

fn revocation(status: &RevocationStatus<'_>) -> Option<Revocation> {
    let RevocationStatus::Revoked(signatures) = status else { return None };
    // As sequoia has it: a revocation without a reason is a hard one.
    let is_hard = |signature: &&Signature| {
        signature.reason_for_revocation().is_none_or(|(reason, _)| reason.revocation_type() == RevocationType::Hard)
    };
    let hard = signatures.iter().any(is_hard);
    let since = signatures.iter().filter_map(|signature| signature.signature_creation_time()).min();
    Some(Revocation { since: since.map_or(Timestamp::MIN, timestamp), hard })
}

fn timestamp(time: SystemTime) -> Timestamp {
    time.try_into().unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn certificate(ends: &[Option<&str>]) -> CertificateSummary {
        let key = |end: &Option<&str>| SigningKeySummary {
            fingerprint: String::new(),
            created: at("2020-01-01T00:00:00Z"),
            expires: end.map(at),
            revoked: None,
            sha1_back_signature: false,
            origin: KeyOrigin::Embedded,
        };
        let signing_keys = ends.iter().map(key).collect();
        CertificateSummary {
            fingerprint: String::new(),
            user_ids: Vec::new(),
            signing_keys,
            revoked: None,
            embedded: true,
        }
    }

    #[test]
    fn where_a_key_came_from_is_said_in_the_words_of_the_schema() {
        let words = [KeyOrigin::Embedded, KeyOrigin::Update, KeyOrigin::Given].map(KeyOrigin::as_str);
        assert_eq!(words, ["embedded", "update", "--keyring"]);
    }

    #[test]
    fn notice_is_given_in_the_last_90_days_of_the_last_key() {
        let (early, late) = (Some("2026-01-01T00:00:00Z"), Some("2028-01-07T16:53:01Z"));
        let google = certificate(&[late, early]);
        for (now, soon) in [
            ("2025-12-31T00:00:00Z", false),
            ("2027-10-09T16:53:01Z", false),
            ("2027-10-09T16:53:02Z", true),
            ("2028-01-07T16:53:01Z", true),
            ("2035-01-01T00:00:00Z", true),
        ] {
            assert_eq!(google.ends_soon(at(now)), soon.then(|| at(late.unwrap())), "{now}");
        }
        let now = at("2028-01-01T00:00:00Z");
        assert_eq!(certificate(&[early, None]).ends_soon(now), None);
        assert_eq!(certificate(&[]).ends_soon(now), None);
        // A key that was withdrawn is none to wait for.
        let mut revoked = google.clone();
        revoked.signing_keys[0].revoked = Some(Revocation { since: now, hard: false });
        assert_eq!(revoked.ends_soon(now), Some(at(early.unwrap())));
    }
}
