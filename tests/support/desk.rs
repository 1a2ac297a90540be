//! A folder with archives for `goverify verify`, and archives and signatures with one fault each.

use std::fs;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::binary::{Home, Run, snapshot};
use super::keys::Signer;
use super::mirror::SIGNED;
use super::sdk::Sdk;

/// The file name of [`genuine`].
pub const NAME: &str = "go1.22.5.linux-amd64.tar.gz";
/// Its signature's.
pub const ASC: &str = "go1.22.5.linux-amd64.tar.gz.asc";
/// Before every release of these tests.
pub const KEY_CREATED: &str = "2024-01-01T00:00:00Z";
/// What a captive portal says to everything.
pub const PAGE: &str = "<!DOCTYPE html><title>Welcome to our airport</title>";

/// A folder with archives, and the key that signs them.
pub struct Desk {
    pub home: Home,
    pub signer: Signer,
}

impl Desk {
    /// With one genuine archive.
    pub fn new() -> Self {
        let desk = Self { home: Home::new(), signer: Signer::new("tester", KEY_CREATED) };
        desk.put("keyring.pgp", desk.signer.certificate());
        desk.put_signed(&genuine());
        desk
    }

    pub fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.home.work().join(name), content).unwrap();
    }

    pub fn put_signed(&self, sdk: &Sdk) {
        self.put_as(&sdk.name().to_string(), &sdk.tar_gz());
    }

    /// Genuinely signed, whatever it is.
    pub fn put_as(&self, name: &str, content: &[u8]) {
        self.put(name, content);
        self.put(&format!("{name}.asc"), self.signer.sign(content, SIGNED));
    }

    pub fn remove(&self, name: &str) {
        fs::remove_file(self.home.work().join(name)).unwrap();
    }

    #[track_caller]
    pub fn verify(&self, arguments: &[&str]) -> Run {
        let before = snapshot(&self.home.work());
        let run = self.home.run([&["verify", "--keyring", "keyring.pgp"], arguments].concat());
        self.home.assert_untouched();
        assert_eq!(snapshot(&self.home.work()), before, "verifying changes nothing");
        assert_eq!(self.home.cached(), []);
        run
    }

    /// The only result of a run that must end like this.
    #[track_caller]
    pub fn result(&self, arguments: &[&str], exit: i32, code: Option<&str>) -> Value {
        let result = self.verify(&[arguments, &["--json"]].concat()).exits(exit).result();
        assert_eq!(result["error"]["code"].as_str(), code, "{result:#}");
        result
    }
}

/// What every name in here stands for, unless a test says otherwise.
pub fn genuine() -> Sdk {
    Sdk::linux_amd64("go1.22.5")
}

/// In lower-case hex digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// A signature over these bytes by a key that nobody trusts.
pub fn strangers(bytes: &[u8]) -> Vec<u8> {
    Signer::new("stranger", KEY_CREATED).sign(bytes, SIGNED)
}

/// The genuine archive with one bit changed in the byte at this position.
pub fn flipped(at: usize) -> Vec<u8> {
    let mut archive = genuine().tar_gz();
    archive[at] ^= 1;
    archive
}

/// One bit of the content's CRC is another one.
pub fn changed() -> Vec<u8> {
    flipped(genuine().tar_gz().len() - 8)
}

/// The genuine archive without its last bytes.
pub fn cut(bytes: usize) -> Vec<u8> {
    let mut archive = genuine().tar_gz();
    archive.truncate(archive.len() - bytes);
    archive
}

/// The end of the signature's last number is another one; the armor is well-formed.
pub fn changed_signature(armored: Vec<u8>) -> String {
    let armored = String::from_utf8(armored).unwrap();
    let mut lines: Vec<String> = armored.lines().map(str::to_owned).collect();
    let last = lines.iter().rposition(|line| !line.starts_with(['=', '-'])).unwrap();
    let digit = if lines[last].starts_with('A') { "B" } else { "A" };
    lines[last].replace_range(..1, digit);
    lines.join("\n") + "\n"
}

/// A signature from before the time that `VERSION` names.
pub fn early(signer: &Signer, bytes: &[u8]) -> Vec<u8> {
    signer.sign(bytes, "2024-06-01T00:00:00Z")
}
