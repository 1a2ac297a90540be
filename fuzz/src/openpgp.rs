//! The demo certificate, and a small archive that it has signed.

use std::sync::LazyLock;

use goverify::release::ArchiveName;
use goverify::trust::{DetachedSignature, Keyring};

use crate::support::keys::Signer;
use crate::support::sdk::Sdk;

/// The archive, and when it was signed, some days after the time in its `VERSION`.
pub(crate) static ARCHIVE: LazyLock<(ArchiveName, Vec<u8>)> = LazyLock::new(|| {
    let sdk = Sdk::minimal("go1.22.5", "src");
    (sdk.name().clone(), sdk.archive())
});
pub(crate) const SIGNED: &str = "2024-07-02T00:00:00Z";
/// The key of the demo mirror, whose secret half is no secret.
const DEMO_KEY: &[u8] = include_bytes!("../../testdata/demo-key.secret.asc");

/// Who signs the seeds.
pub(crate) fn signer() -> Signer {
    Signer::from_secret(DEMO_KEY)
}

/// Fingerprints of the certificate and of the key that signs.
pub(crate) fn fingerprints() -> &'static (String, String) {
    static FINGERPRINTS: LazyLock<(String, String)> =
        LazyLock::new(|| (signer().fingerprint(), signer().signing_fingerprint()));
    &FINGERPRINTS
}

/// Trusts the demo certificate alone.
pub(crate) fn keyring() -> &'static Keyring {
    static KEYRING: LazyLock<Keyring> = LazyLock::new(|| Keyring::from_files([&signer().certificate()[..]]).unwrap());
    &KEYRING
}

/// A genuine signature over the archive.
pub(crate) fn genuine() -> &'static DetachedSignature {
    static SIGNATURE: LazyLock<DetachedSignature> =
        LazyLock::new(|| DetachedSignature::parse(&signer().sign(&ARCHIVE.1, SIGNED)).unwrap());
    &SIGNATURE
}
